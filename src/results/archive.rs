//! Compressed uploads: gzip around one file, zip around many.
//!
//! An archive is hostile until shown otherwise. Nothing is written anywhere; names are only compared
//! and quoted. What comes out is bounded twice, by the limit of any upload and by how much of it one
//! byte of the archive may become, and links, paths that leave the archive and archives inside it
//! lead nowhere.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::error::{Fault, ReadError};
use super::limits::Limits;
use super::text::shortened;

/// So much may always come out, whatever went in.
const ALWAYS_BYTES: u64 = 1024 * 1024;
/// So much of a file is looked at to find out whether it is text.
const HEAD_BYTES: u64 = 1024;
/// What each entry of a zip's directory begins with.
const ENTRY_MARK: &[u8] = b"PK\x01\x02";

/// An upload as it was sent, or what was in it.
#[derive(Debug)]
pub enum Unpacked<'a> {
    /// One file.
    One(Cow<'a, [u8]>),
    /// The files of an archive.
    Many(Files),
}

/// The files of an archive.
#[derive(Debug, Default)]
pub struct Files {
    /// Names and contents of those that may be result files, in the archive's order.
    pub files: Vec<(String, Vec<u8>)>,
    /// Names of the others.
    pub passed_over: Vec<String>,
}

/// Takes an upload out of its archive, if it is in one.
pub fn unpack<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Unpacked<'a>, ReadError> {
    if is_zip(bytes) {
        return unzip(bytes, limits).map(Unpacked::Many);
    }
    if !is_gzip(bytes) {
        return Ok(Unpacked::One(Cow::Borrowed(bytes)));
    }
    let room = room(bytes.len(), limits.bytes, limits);
    let mut decoder = MultiGzDecoder::new(bytes);
    let file = take(&mut decoder, room, Vec::new()).map_err(|why| why.of("the gzip data"))?;
    if is_archive(&file) {
        return Err(ReadError::whole(Fault::ArchiveInArchive));
    }
    Ok(Unpacked::One(Cow::Owned(file)))
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b")
}

/// A zip, or the beginning of an empty one.
fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

fn is_archive(bytes: &[u8]) -> bool {
    is_gzip(bytes) || is_zip(bytes)
}

/// How many bytes may come out of so many, of which at most `left` are left.
fn room(packed: usize, left: usize, limits: &Limits) -> u64 {
    let by_ratio = packed.saturating_mul(limits.expansion);
    let by_ratio = u64::try_from(by_ratio)
        .unwrap_or(u64::MAX)
        .max(ALWAYS_BYTES);
    by_ratio.min(u64::try_from(left).unwrap_or(u64::MAX))
}

/// Why a file did not come out.
enum Broken {
    Damaged(String),
    TooMuch,
}

impl From<std::io::Error> for Broken {
    fn from(why: std::io::Error) -> Self {
        Self::Damaged(why.to_string())
    }
}

impl Broken {
    fn of(self, what: &str) -> ReadError {
        let what = what.to_owned();
        ReadError::whole(match self {
            Self::Damaged(why) => Fault::DamagedArchive { what, why },
            Self::TooMuch => Fault::Expands(what),
        })
    }
}

/// Everything that comes out of `from`, behind what already has.
fn take(from: &mut impl Read, room: u64, mut taken: Vec<u8>) -> Result<Vec<u8>, Broken> {
    from.take(room.saturating_add(1)).read_to_end(&mut taken)?;
    if u64::try_from(taken.len()).unwrap_or(u64::MAX) > room {
        return Err(Broken::TooMuch);
    }
    Ok(taken)
}

fn unzip(bytes: &[u8], limits: &Limits) -> Result<Files, ReadError> {
    let damaged = |why: ZipError| {
        let (what, why) = ("the zip archive".to_owned(), why.to_string());
        ReadError::whole(Fault::DamagedArchive { what, why })
    };
    // Counted before the directory is read, which would fill the memory with what it lists.
    let limit = limits.files;
    if count(bytes, ENTRY_MARK) > limit {
        let what = "files in one archive";
        return Err(ReadError::whole(Fault::Limit { what, limit }));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut found = Files::default();
    let mut left = limits.bytes;
    for index in 0..archive.len() {
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(ZipError::UnsupportedArchive(_)) => {
                return Err(ReadError::whole(Fault::UnreadableArchive));
            }
            Err(why) => return Err(damaged(why)),
        };
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let shown = shortened(&name, 200);
        if leaves(&name) {
            return Err(ReadError::whole(Fault::ArchivePath(shown)));
        }
        if entry.is_dir() || is_litter(&name) {
            continue;
        }
        match read_entry(&mut entry, left, limits).map_err(|why| why.of(&shown))? {
            Some(file) => {
                left = left.saturating_sub(file.len());
                found.files.push((shown, file));
            }
            None => found.passed_over.push(shown),
        }
    }
    Ok(found)
}

/// The content of a file that may be a result file.
fn read_entry(
    entry: &mut ZipFile<'_, Cursor<&[u8]>>,
    left: usize,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Broken> {
    if entry.is_symlink() {
        return Ok(None);
    }
    let packed = usize::try_from(entry.compressed_size()).unwrap_or(usize::MAX);
    let mut head = Vec::new();
    entry.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    if is_archive(&head) || is_binary(&head) {
        return Ok(None);
    }
    take(entry, room(packed, left, limits), head).map(Some)
}

/// Pictures and recordings hold zero bytes; text does so in UTF-16 only, in every second place.
fn is_binary(head: &[u8]) -> bool {
    let is_wide = matches!(
        head,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..]
    );
    !is_wide && head.contains(&0)
}

/// Whether a name would lead out of a folder that the archive is unpacked to.
fn leaves(name: &str) -> bool {
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    let is_rooted = name.starts_with(['/', '\\']);
    is_drive || is_rooted || name.contains('\0') || name.split(['/', '\\']).any(|part| part == "..")
}

/// What a desktop adds to an archive without being asked.
fn is_litter(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name.ends_with(".DS_Store") || name.ends_with("Thumbs.db")
}

fn count(bytes: &[u8], mark: &[u8]) -> usize {
    let first = mark.first().copied();
    let starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| Some(**byte) == first);
    starts
        .filter(|(at, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
        .count()
}
