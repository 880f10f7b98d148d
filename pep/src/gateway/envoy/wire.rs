//! The few messages of `envoy.service.auth.v3` in protocol buffers' wire format.
//!
//! Two messages are read and written here, so that no code generator and no run time of one is
//! needed. Field numbers are those of `attribute_context.proto` and `external_auth.proto` in
//! envoy/service/auth/v3.

/// Deepest nesting and most fields of a message.
const MAX_FIELDS: usize = 1024;

/// What Envoy says of an HTTP request (`AttributeContext.HttpRequest`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `method`.
    pub method: String,
    /// `path`: the whole target.
    pub path: String,
    /// `host`: the authority that is called.
    pub host: String,
    /// `headers` and `header_map`, without pseudo-headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Headers whose values are told as text only, in which Envoy has put a `!` for each byte that
    /// is no UTF-8, and one value for many of the same name.
    pub rewritten: Vec<String>,
    /// `size`: length of the body, -1 where it is not known.
    pub size: i64,
    /// `raw_body`.
    pub body: Vec<u8>,
    /// Whether there is a `body`: text, in which Envoy has put a `!` for each byte that is no
    /// UTF-8.
    pub text_body: bool,
}

/// A message that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no message of envoy.service.auth.v3")]
pub struct Malformed;

/// Reads a `CheckRequest`.
///
/// # Errors
/// [`Malformed`], also for a request of another protocol than HTTP.
pub fn check_request(bytes: &[u8]) -> Result<HttpRequest, Malformed> {
    let attributes = one(bytes, 1)?.ok_or(Malformed)?;
    let request = one(attributes, 4)?.ok_or(Malformed)?;
    let http = one(request, 2)?.ok_or(Malformed)?;
    let mut out = HttpRequest { size: -1, ..HttpRequest::default() };
    for field in fields(http) {
        match field? {
            (2, Value::Bytes(text)) => out.method = string(text)?,
            (3, Value::Bytes(entry)) => {
                let name = string(one(entry, 1)?.unwrap_or_default())?;
                let value = one(entry, 2)?.unwrap_or_default();
                if value.iter().any(|byte| b"!,".contains(byte)) {
                    out.rewritten.push(name.clone());
                }
                out.add(name, value);
            }
            (5, Value::Bytes(text)) => out.host = string(text)?,
            (4, Value::Bytes(text)) => out.path = string(text)?,
            (9, Value::Number(size)) => out.size = i64::from_ne_bytes(size.to_ne_bytes()),
            (11, Value::Bytes(body)) if !body.is_empty() => out.text_body = true,
            (12, Value::Bytes(body)) if !body.is_empty() => out.body = body.to_vec(),
            (13, Value::Bytes(map)) => header_map(map, &mut out)?,
            _ => {}
        }
    }
    match out.method.is_empty() || out.path.is_empty() {
        true => Err(Malformed),
        false => Ok(out),
    }
}

fn header_map(map: &[u8], out: &mut HttpRequest) -> Result<(), Malformed> {
    for field in fields(map) {
        if let (1, Value::Bytes(header)) = field? {
            let name = string(one(header, 1)?.unwrap_or_default())?;
            let raw = one(header, 3)?.filter(|raw| !raw.is_empty());
            let value = raw.or(one(header, 2)?).unwrap_or_default();
            if raw.is_none() && value.contains(&b'!') {
                out.rewritten.push(name.clone());
            }
            out.add(name, value);
        }
    }
    Ok(())
}

impl HttpRequest {
    fn add(&mut self, name: String, value: &[u8]) {
        if !name.starts_with(':') {
            self.headers.push((name, value.to_vec()));
        }
    }
}

/// What Envoy is told (`CheckResponse`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResponse {
    /// The request may pass, with these headers set.
    Ok(Vec<(String, String)>),
    /// It may not: this is the answer.
    Denied {
        /// The HTTP status.
        status: u16,
        /// Headers of the answer.
        headers: Vec<(String, String)>,
        /// Its body.
        body: String,
    },
}

/// `google.rpc.Code`: PERMISSION_DENIED.
const PERMISSION_DENIED: u64 = 7;
/// `HeaderAppendAction`: OVERWRITE_IF_EXISTS_OR_ADD.
const OVERWRITE: u64 = 2;

impl CheckResponse {
    /// The message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Ok(headers) => {
                put(&mut out, 1, &[]);
                let mut ok = Vec::new();
                options(&mut ok, headers);
                put(&mut out, 3, &ok);
            }
            Self::Denied { status, headers, body } => {
                let mut code = Vec::new();
                number(&mut code, 1, PERMISSION_DENIED);
                put(&mut out, 1, &code);
                let (mut denied, mut http) = (Vec::new(), Vec::new());
                number(&mut http, 1, u64::from(*status));
                put(&mut denied, 1, &http);
                options(&mut denied, headers);
                put(&mut denied, 3, body.as_bytes());
                put(&mut out, 2, &denied);
            }
        }
        out
    }
}

/// `repeated HeaderValueOption headers = 2`.
fn options(out: &mut Vec<u8>, headers: &[(String, String)]) {
    for (name, value) in headers {
        let (mut header, mut option) = (Vec::new(), Vec::new());
        put(&mut header, 1, name.as_bytes());
        put(&mut header, 2, value.as_bytes());
        put(&mut option, 1, &header);
        number(&mut option, 3, OVERWRITE);
        put(out, 2, &option);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    /// Of a fixed length, which no field that is read has.
    Fixed,
}

/// The last of a field's values, as protocol buffers have it for fields that stand once.
fn one(message: &[u8], wanted: u64) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for field in fields(message) {
        if let (number, Value::Bytes(bytes)) = field?
            && number == wanted
        {
            found = Some(bytes);
        }
    }
    Ok(found)
}

fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), Malformed>> {
    let mut count = 0_usize;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        count = count.saturating_add(1);
        let read = if count > MAX_FIELDS { Err(Malformed) } else { field(&mut rest) };
        if read.is_err() {
            rest = &[];
        }
        Some(read)
    })
}

fn field<'b>(rest: &mut &'b [u8]) -> Result<(u64, Value<'b>), Malformed> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed)?,
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
            Value::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Value::Fixed)?,
        _ => return Err(Malformed),
    };
    match tag >> 3 {
        0 => Err(Malformed),
        number => Ok((number, value)),
    }
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Result<&'b [u8], Malformed> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut out = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, left) = rest.split_first().ok_or(Malformed)?;
        *rest = left;
        let low = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && low > 1 {
            return Err(Malformed);
        }
        out |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(out);
        }
    }
    Err(Malformed)
}

fn string(bytes: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed)
}

fn put(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, (field << 3) | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0x7f) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0x7f));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(http: &[u8]) -> Vec<u8> {
        let (mut request, mut attributes, mut out) = (Vec::new(), Vec::new(), Vec::new());
        put(&mut request, 2, http);
        put(&mut attributes, 4, &request);
        put(&mut out, 1, &attributes);
        out
    }

    fn http() -> Vec<u8> {
        let (mut http, mut entry, mut pseudo) = (Vec::new(), Vec::new(), Vec::new());
        put(&mut http, 2, b"POST");
        put(&mut http, 4, b"/users/7?x=1");
        put(&mut entry, 1, b"x-tenant");
        put(&mut entry, 2, b"t");
        put(&mut http, 3, &entry);
        put(&mut pseudo, 1, b":path");
        put(&mut pseudo, 2, b"/users/7?x=1");
        put(&mut http, 3, &pseudo);
        number(&mut http, 9, 5);
        put(&mut http, 5, b"api.example");
        put(&mut http, 12, b"hello");
        put(&mut http, 99, b"of a newer Envoy");
        http
    }

    #[test]
    fn a_request_is_read_with_what_decides() {
        let read = check_request(&request(&http())).unwrap();
        assert_eq!((read.method.as_str(), read.path.as_str()), ("POST", "/users/7?x=1"));
        assert_eq!(read.headers, [("x-tenant".to_owned(), b"t".to_vec())]);
        assert_eq!((read.size, read.body.as_slice()), (5, b"hello".as_slice()));
        assert_eq!((read.host.as_str(), read.text_body), ("api.example", false));
        assert!(read.rewritten.is_empty());
        let (mut text, mut entry) = (http(), Vec::new());
        put(&mut entry, 1, b"x-tenant");
        put(&mut entry, 2, b"a!");
        put(&mut text, 3, &entry);
        put(&mut text, 11, b"h!llo");
        let text = check_request(&request(&text)).unwrap();
        assert_eq!((text.rewritten, text.text_body), (vec!["x-tenant".to_owned()], true));
        let mut unknown = http();
        number(&mut unknown, 9, u64::MAX);
        assert_eq!(check_request(&request(&unknown)).unwrap().size, -1);
        for bad in [Vec::new(), request(&[]), request(&http())[1..].to_vec(), vec![0x0a, 0xff]] {
            assert!(check_request(&bad).is_err());
        }
    }

    #[test]
    fn an_answer_is_written_as_protocol_buffers_have_it() {
        let ok = CheckResponse::Ok(vec![("a".to_owned(), "b".to_owned())]).to_bytes();
        let expected = b"\x0a\x00\x1a\x0c\x12\x0a\x0a\x06\x0a\x01a\x12\x01b\x18\x02";
        assert_eq!(ok, expected);
        let denied = CheckResponse::Denied { status: 403, headers: vec![], body: "no".to_owned() };
        assert_eq!(denied.to_bytes(), b"\x0a\x02\x08\x07\x12\x09\x0a\x03\x08\x93\x03\x1a\x02no");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = check_request(&bytes);
            let _ = check_request(&request(&bytes));
        }

        #[test]
        fn numbers_come_back(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(varint(&mut out.as_slice()), Ok(value));
        }
    }
}
