use super::{Json, JsonError, MAX_DEPTH, Number, number::Decimal};

/// Parses a whole JSON text; the caller has bounded its size.
pub(super) fn text(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|e| JsonError::Utf8(e.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::Utf8(0));
    }
    let mut parser = Parser { text, pos: 0 };
    parser.whitespace();
    let value = parser.value(0)?;
    parser.whitespace();
    if parser.pos == text.len() { Ok(value) } else { Err(JsonError::Trailing(parser.pos)) }
}

/// A recursive descent over text that is known to be UTF-8; `pos` is always on a boundary between
/// characters.
struct Parser<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.pos += usize::from(eaten);
        eaten
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(JsonError::Syntax(self.pos)) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'[' | b'{') if depth >= MAX_DEPTH => {
                Err(JsonError::Depth { limit: MAX_DEPTH, at: self.pos })
            }
            Some(b'[') => self.array(depth.saturating_add(1)),
            Some(b'{') => self.object(depth.saturating_add(1)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            _ => Err(JsonError::Syntax(self.pos)),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(JsonError::Syntax(self.pos));
        }
        self.pos += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        self.whitespace();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.whitespace();
            items.push(self.value(depth)?);
            self.whitespace();
            if !self.eat(b',') {
                self.expect(b']')?;
                // A list of one takes the room of four else, thirty times its text.
                items.shrink_to_fit();
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = Vec::new();
        self.expect(b'{')?;
        self.whitespace();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.whitespace();
            let name = self.string()?;
            self.whitespace();
            self.expect(b':')?;
            self.whitespace();
            members.push((name, self.value(depth)?));
            self.whitespace();
            if !self.eat(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.refuse_duplicates(&members)?;
        members.shrink_to_fit();
        Ok(Json::Object(members))
    }

    /// Sorting finds duplicates in n log n, whatever names an attacker chooses.
    fn refuse_duplicates(&self, members: &[(String, Json)]) -> Result<(), JsonError> {
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.array_windows().find(|[a, b]| a == b) {
            Some([name, _]) => {
                Err(JsonError::DuplicateKey { name: (*name).to_owned(), at: self.pos })
            }
            None => Ok(()),
        }
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.pos;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        let literal = self.text.get(start..self.pos).unwrap_or_default();
        match Number::parse(literal) {
            Some(number) => Ok(Json::Number(number)),
            None if Decimal::parse(literal).is_none() => Err(JsonError::Syntax(start)),
            None => Err(JsonError::Number(start)),
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut value = String::new();
        loop {
            let rest = self.rest();
            // What stands for itself is copied in one piece, up to a quote, escape or control.
            let special = |b: u8| b == b'"' || b == b'\\' || b < 0x20;
            let plain = rest.bytes().position(special).unwrap_or(rest.len());
            value.push_str(rest.get(..plain).unwrap_or_default());
            self.pos += plain;
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                _ => return Err(JsonError::Syntax(self.pos)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.pos;
        self.expect(b'\\')?;
        let escaped = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(start),
            _ => return Err(JsonError::Syntax(self.pos)),
        };
        self.pos += 1;
        Ok(escaped)
    }

    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(JsonError::Surrogate(start));
        }
        if first >= 0xdc00 || !self.rest().starts_with("\\u") {
            return Err(JsonError::Surrogate(start));
        }
        self.pos += 1;
        let second = self.hex4()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonError::Surrogate(start));
        }
        let code_point = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
        char::from_u32(code_point).ok_or(JsonError::Surrogate(start))
    }

    /// Reads `u` and four hexadecimal digits.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        self.expect(b'u')?;
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            value = (value << 4) | digit.ok_or(JsonError::Syntax(self.pos))?;
            self.pos += 1;
        }
        Ok(value)
    }
}
