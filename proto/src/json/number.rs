use std::fmt;

/// A number that its double states exactly; never negative zero, and never infinite. Eight bytes
/// without a place of their own: numbers are what fills a hostile megabyte most densely.
#[derive(Debug, Clone, Copy)]
pub struct Number(f64);

impl Number {
    /// Reads a JSON number; `None` if it is none, or not exact.
    #[must_use]
    pub fn parse(literal: &str) -> Option<Self> {
        // Most numbers, and the only ones that fill megabytes: exact, and written as they are.
        if is_short_integer(literal) {
            return literal.parse().ok().map(Self);
        }
        let given = Decimal::parse(literal)?;
        let double: f64 = literal.parse().ok()?;
        if !double.is_finite() || (given.negative && given.digits.is_empty()) {
            return None;
        }
        let mut canonical = ryu_js::Buffer::new();
        (Decimal::parse(canonical.format_finite(double))? == given).then_some(Self(double))
    }

    /// Hands over the canonical text, the ECMAScript serialisation (RFC 8785 3.2.2.3).
    pub fn with_str<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        read(ryu_js::Buffer::new().format_finite(self.0))
    }

    /// The double.
    #[must_use]
    pub const fn as_f64(&self) -> f64 {
        self.0
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        // Neither NaN nor a second zero exists here.
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_str(|text| f.write_str(text))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(f64::from(value))
    }
}

/// At most 15 digits, no sign and no leading zero: below 2^53, where ECMAScript writes digits
/// alone.
fn is_short_integer(literal: &str) -> bool {
    let leading_zero = literal.len() > 1 && literal.starts_with('0');
    (1..=15).contains(&literal.len())
        && !leading_zero
        && literal.bytes().all(|b| b.is_ascii_digit())
}

/// The exact value of a decimal literal: 0.DIGITS times ten to the power of `point`, without
/// leading or trailing zeros, so that equal values have equal parts.
#[derive(PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    pub(super) fn parse(literal: &str) -> Option<Self> {
        let (negative, rest) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Self::exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let decimal = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !decimal(whole) || !decimal(fraction) {
            return None;
        }
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative, digits, point: 0 });
        }
        let zeros = i64::try_from(all.len().checked_sub(significant.len())?).ok()?;
        let point = i64::try_from(whole.len()).ok()?.checked_sub(zeros)?.checked_add(exponent)?;
        Some(Self { negative, digits, point })
    }

    /// An exponent too large for 64 bits may take the largest value: no double is near it, unless
    /// the number is zero, where it does not matter.
    fn exponent(text: &str) -> Option<i64> {
        let (negative, digits) = match text.strip_prefix(['+', '-']) {
            Some(digits) => (text.starts_with('-'), digits),
            None => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let size = digits.parse::<i32>().map_or(i64::from(i32::MAX), i64::from);
        Some(if negative { -size } else { size })
    }
}
