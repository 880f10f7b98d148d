//! Names of tiles (C2SP tlog-tiles): `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`.

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// Tile levels that a tree of 2^64 entries can have.
pub const TILE_LEVELS: u8 = 8;

/// One tile or entry bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// Level, from 0 for the leaf hashes; none for an entry bundle.
    pub level: Option<u8>,
    /// Index within the level.
    pub index: u64,
    /// Hashes or entries in it: 1 to 256, 256 being the full one.
    pub width: usize,
}

impl TilePath {
    /// The tile at `level`, full.
    pub fn full(level: u8, index: u64) -> TilePath {
        TilePath { level: Some(level), index, width: TILE_WIDTH }
    }

    /// The entry bundle, full.
    pub fn entries(index: u64) -> TilePath {
        TilePath { level: None, index, width: TILE_WIDTH }
    }

    /// The same tile with its first `width` hashes.
    pub fn partial(self, width: usize) -> TilePath {
        TilePath { width, ..self }
    }

    /// The folder of its partial forms.
    pub fn partial_folder(self) -> String {
        format!("{}.p", self.partial(TILE_WIDTH))
    }

    /// The tile that a path names; none for anything that is not the one form of a path.
    pub fn parse(path: &str) -> Option<TilePath> {
        let rest = path.strip_prefix("tile/")?;
        let (level, rest) = rest.split_once('/')?;
        let level = match level {
            "entries" => None,
            digits => Some(small(digits)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, usize::from(small(width)?)),
            None => (rest, TILE_WIDTH),
        };
        let digits: String = number.split('/').map(|g| g.strip_prefix('x').unwrap_or(g)).collect();
        let index = digits.parse().ok()?;
        let tile = TilePath { level, index, width };
        let exact = width > 0 && level.is_none_or(|l| l < TILE_LEVELS) && tile.to_string() == path;
        exact.then_some(tile)
    }
}

impl std::fmt::Display for TilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn small(digits: &str) -> Option<u8> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let cases = [
            (TilePath::full(0, 1_234_067), "tile/0/x001/x234/067"),
            (TilePath::full(0, 0), "tile/0/000"),
            (TilePath::full(0, 273).partial(112), "tile/0/273.p/112"),
            (TilePath::full(2, 0).partial(1), "tile/2/000.p/1"),
            (TilePath::entries(1000).partial(255), "tile/entries/x001/000.p/255"),
        ];
        for (tile, name) in cases {
            assert_eq!(tile.to_string(), name);
            assert_eq!(TilePath::parse(name), Some(tile));
        }
    }

    #[test]
    fn other_spellings_are_no_tiles() {
        for name in [
            "tile/8/0/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/-1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x18446744073709551616",
            "tile/data/000",
            "tile/0/../000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/+0/000",
            "tile/8/000",
        ] {
            assert_eq!(TilePath::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_tile_reads_back(level in proptest::option::of(0u8..8), index: u64, width in 1usize..=256) {
            let tile = TilePath { level, index, width };
            prop_assert_eq!(TilePath::parse(&tile.to_string()), Some(tile));
        }

        #[test]
        fn any_text_is_refused_without_panic(text in "tile/[0-9x/.p]{0,20}") {
            if let Some(tile) = TilePath::parse(&text) {
                prop_assert_eq!(tile.to_string(), text);
            }
        }
    }
}
