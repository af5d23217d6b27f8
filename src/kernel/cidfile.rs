//! Cidfiles: the id of a container that its runtime wrote down (`docker run --cidfile`,
//! `podman run --cidfile`), and whether it can be believed.
//!
//! Nothing in it goes stale: an id is drawn at random for each container and never given anew, so a
//! file that was left behind names nobody.

use std::path::Path;

use super::Error;
use super::noted::Noted;

/// A cidfile as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cidfile {
    /// The id in it: 12 to 64 hexadecimal digits.
    pub id: String,
    /// Whether only root can have written it: the file, every folder that leads to it and every
    /// link on the way are root's, and nobody else may write them.
    pub roots: bool,
}

impl Cidfile {
    /// Reads the file at `path`. [`Error::Gone`] means that it is not there, or is empty: nobody runs.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let expected = Error::Malformed("a cidfile: a file with the id of one container");
        let file = Noted::read(path, 128, expected)?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = (12..=64).contains(&file.text().len()) && file.text().iter().all(is_digit);
        let id = Some(file.text()).filter(|_| is_id).and_then(|text| std::str::from_utf8(text).ok());
        Ok(Self { id: id.ok_or(expected)?.to_owned(), roots: file.roots })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "makes the files that are read")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_id_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cid");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            Cidfile::read(&path).map(|file| file.id)
        };
        let id = "4f2c9a1b7d3e".repeat(6)[..64].to_owned();
        assert_eq!(read(&id), Ok(id.clone()));
        assert_eq!(read(&format!("{id}\n")), Ok(id.clone()));
        assert_eq!(read("4f2c9a1b7d3e"), Ok("4f2c9a1b7d3e".to_owned()));
        assert_eq!(read("\n"), Err(Error::Gone));
        let bad = [
            "4f2c9a1b7d3",
            "trader",
            &id.to_uppercase(),
            &format!("{id}0"),
            &format!("{id}\n{id}"),
            "4f2c9a1b7d3\u{e9}",
        ];
        for text in bad {
            assert!(matches!(read(text), Err(Error::Malformed(_))), "{text}");
        }
        assert_eq!(Cidfile::read(&folder.path().join("none")), Err(Error::Gone));
        assert!(matches!(Cidfile::read(folder.path()), Err(Error::Malformed(_))));
    }
}
