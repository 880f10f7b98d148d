//! A batch as an Apache Parquet file: what identifies an event in columns by which a reader can
//! skip files, and the event itself, byte for byte, in the last one.
//!
//! Of the format (<https://parquet.apache.org/docs/file-format>) this is what one writer needs: one
//! row group, one page a column, the encoding PLAIN, no compression, no null. Why not the library
//! for all of it: docs/decisions/0011-objects.md.

use crate::export::event::Event;

const MAGIC: &[u8] = b"PAR1";
/// Of the thrift enumerations of parquet.thrift.
const INT64: i64 = 2;
const BYTE_ARRAY: i64 = 6;
const REQUIRED: i64 = 0;
const UTF8: i64 = 0;
const TIMESTAMP_MILLIS: i64 = 9;
const PLAIN: i64 = 0;
const RLE: i64 = 3;
const UNCOMPRESSED: i64 = 0;
const DATA_PAGE: i64 = 0;
/// `leaf` of an event that is of no leaf.
const NO_LEAF: i64 = -1;

/// A column: its name, its type, what a value means, and all values in the encoding PLAIN.
struct Column {
    name: &'static str,
    kind: i64,
    converted: Option<i64>,
    values: Vec<u8>,
}

/// Where a column's page stands in the file.
struct Chunk {
    offset: u64,
    length: u64,
}

/// The file. Columns: `uid`, `log`, `leaf` (-1 for an event that is of no leaf), `code`, `severity`
/// (`severity_id` of OCSF), `time` (milliseconds since 1970) and `event`, the line.
pub fn file(events: &[&Event]) -> Vec<u8> {
    let texts = |name, of: fn(&Event) -> &[u8]| {
        let mut values = Vec::new();
        for event in events {
            let text = of(event);
            // No event comes near 4 GiB: a line is at most some multiple of a statement.
            values.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            values.extend_from_slice(text);
        }
        Column { name, kind: BYTE_ARRAY, converted: Some(UTF8), values }
    };
    let numbers = |name, converted, of: fn(&Event) -> i64| {
        let values = events.iter().flat_map(|event| of(event).to_le_bytes()).collect();
        Column { name, kind: INT64, converted, values }
    };
    let columns = [
        texts("uid", |e| e.encoded.uid.as_bytes()),
        texts("log", |e| e.origin.as_bytes()),
        numbers("leaf", None, |e| e.leaf.map_or(NO_LEAF, u64::cast_signed)),
        texts("code", |e| e.encoded.kind.code.as_bytes()),
        numbers("severity", None, |e| e.encoded.kind.severity.ocsf().0.cast_signed()),
        numbers("time", Some(TIMESTAMP_MILLIS), |e| e.encoded.time_ms.cast_signed()),
        texts("event", |e| &e.encoded.line),
    ];
    let mut out = MAGIC.to_vec();
    let mut chunks = Vec::new();
    for column in &columns {
        let offset = out.len() as u64;
        page(&mut out, column, events.len());
        chunks.push(Chunk { offset, length: (out.len() as u64).saturating_sub(offset) });
    }
    let footer = footer(&columns, &chunks, events.len());
    out.extend_from_slice(&footer);
    out.extend_from_slice(&u32::try_from(footer.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(MAGIC);
    out
}

/// `PageHeader` and the values: of a required column there are no levels.
fn page(out: &mut Vec<u8>, column: &Column, rows: usize) {
    let mut header = Thrift::default();
    let size = column.values.len() as i64;
    header.int(1, I32, DATA_PAGE);
    header.int(2, I32, size);
    header.int(3, I32, size);
    header.structure(5, |data| {
        data.int(1, I32, rows as i64);
        data.int(2, I32, PLAIN);
        data.int(3, I32, RLE);
        data.int(4, I32, RLE);
    });
    out.extend_from_slice(&header.end());
    out.extend_from_slice(&column.values);
}

/// `FileMetaData`.
fn footer(columns: &[Column], chunks: &[Chunk], rows: usize) -> Vec<u8> {
    let total: u64 = chunks.iter().map(|chunk| chunk.length).sum();
    let mut file = Thrift::default();
    file.int(1, I32, 1);
    file.list(2, STRUCT, columns.len().saturating_add(1), |schema| {
        schema.element(|root| {
            root.text(4, "events");
            root.int(5, I32, columns.len() as i64);
        });
        for column in columns {
            schema.element(|element| {
                element.int(1, I32, column.kind);
                element.int(3, I32, REQUIRED);
                element.text(4, column.name);
                if let Some(converted) = column.converted {
                    element.int(6, I32, converted);
                }
            });
        }
    });
    file.int(3, I64, rows as i64);
    file.list(4, STRUCT, 1, |groups| {
        groups.element(|group| {
            group.list(1, STRUCT, columns.len(), |list| {
                for (column, chunk) in columns.iter().zip(chunks) {
                    list.element(|element| column_chunk(element, column, chunk, rows));
                }
            });
            group.int(2, I64, total.cast_signed());
            group.int(3, I64, rows as i64);
        });
    });
    file.text(6, "placet");
    file.end()
}

/// `ColumnChunk` with its `ColumnMetaData`.
fn column_chunk(out: &mut Thrift, column: &Column, chunk: &Chunk, rows: usize) {
    out.int(2, I64, chunk.offset.cast_signed());
    out.structure(3, |meta| {
        meta.int(1, I32, column.kind);
        meta.list(2, I32, 2, |encodings| {
            encodings.zigzag(PLAIN);
            encodings.zigzag(RLE);
        });
        meta.list(3, BINARY, 1, |path| path.bytes(column.name));
        meta.int(4, I32, UNCOMPRESSED);
        meta.int(5, I64, rows as i64);
        meta.int(6, I64, chunk.length.cast_signed());
        meta.int(7, I64, chunk.length.cast_signed());
        meta.int(9, I64, chunk.offset.cast_signed());
    });
}

/// Types of the thrift compact protocol.
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A struct in the thrift compact protocol, field by field in ascending order of their ids.
#[derive(Default)]
struct Thrift {
    out: Vec<u8>,
    last: u8,
}

impl Thrift {
    /// Ids here rise by less than sixteen.
    fn field(&mut self, id: u8, kind: u8) {
        let step = id.saturating_sub(self.last);
        self.out.push((step << 4) | kind);
        self.last = id;
    }

    fn int(&mut self, id: u8, kind: u8, value: i64) {
        self.field(id, kind);
        self.zigzag(value);
    }

    fn text(&mut self, id: u8, value: &str) {
        self.field(id, BINARY);
        self.bytes(value);
    }

    fn structure(&mut self, id: u8, fill: impl FnOnce(&mut Self)) {
        self.field(id, STRUCT);
        self.element(fill);
    }

    fn list(&mut self, id: u8, kind: u8, count: usize, fill: impl FnOnce(&mut Self)) {
        self.field(id, LIST);
        match u8::try_from(count).ok().filter(|count| *count < 15) {
            Some(count) => self.out.push((count << 4) | kind),
            None => {
                self.out.push(0xf0 | kind);
                self.varint(count as u64);
            }
        }
        fill(self);
    }

    /// A struct of a list, or of a field whose header is written.
    fn element(&mut self, fill: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.last);
        fill(self);
        self.out.push(0);
        self.last = outer;
    }

    fn bytes(&mut self, value: &str) {
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value.as_bytes());
    }

    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                self.out.push(low);
                return;
            }
            self.out.push(low | 0x80);
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::worker::tests::event;

    // That others read it is shown by DuckDB in tests/siem.
    #[test]
    fn a_file_holds_the_lines_byte_for_byte_between_its_marks() {
        let line = "{\"a\":\"\u{fc}|\\\\\"}";
        let events = [Event { leaf: Some(41), ..event(line) }, Event { leaf: None, ..event("{}") }];
        let events: Vec<&Event> = events.iter().collect();
        let bytes = file(&events);
        assert_eq!(bytes, file(&events));
        assert!(bytes.starts_with(MAGIC) && bytes.ends_with(MAGIC));
        let length = bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap();
        let footer = bytes.len() - 8 - u32::from_le_bytes(length) as usize;
        let kept: Vec<u8> = [line, "{}"]
            .iter()
            .flat_map(|line| [&(line.len() as u32).to_le_bytes()[..], line.as_bytes()].concat())
            .collect();
        assert!(bytes[..footer].ends_with(&kept), "the last column is the lines");
        // FileMetaData: version 1, then a list of eight structs.
        assert_eq!(bytes[footer..footer + 4], [0x15, 2, 0x19, 0x8c]);
        let leaves = [41_i64.to_le_bytes(), (-1_i64).to_le_bytes()].concat();
        assert!(bytes.windows(16).any(|window| window == leaves));
    }

    #[test]
    fn numbers_are_those_of_the_thrift_compact_protocol() {
        let of = |value: i64| {
            let mut thrift = Thrift::default();
            thrift.zigzag(value);
            thrift.out
        };
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (150, vec![0xac, 2])] {
            assert_eq!(of(value), bytes, "{value}");
        }
        assert_eq!(of(i64::MIN).len(), 10);
    }
}
