//! What `touchstone import` is told to send: files, patterns, and folders.
//!
//! A shell expands patterns itself; some, and most pipelines, do not. The reports of a folder go as
//! zip archives, so that a thousand small files are not a thousand requests; the service says which
//! of them are reports. What is named outright goes as it is.

use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What may be a report, by the end of its name.
const REPORTS: [&str; 4] = ["xml", "json", "trx", "tap"];
/// So much of a folder goes into one archive, unpacked; the service takes 25 MB.
const ARCHIVE_BYTES: u64 = 20 * 1024 * 1024;

/// Something that is sent in one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// A file as it is.
    File(PathBuf),
    /// Files of a folder, as an archive.
    Folder(PathBuf, Vec<PathBuf>),
}

impl Upload {
    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Folder(path, files) => format!("{} ({} files)", path.display(), files.len()),
        }
    }

    /// What is sent.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(path) => fs::read(path),
            Self::Folder(folder, files) => pack(folder, files),
        }
    }
}

fn pack(folder: &Path, files: &[PathBuf]) -> io::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(file);
        let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        archive.start_file(parts.join("/"), SimpleFileOptions::default())?;
        archive.write_all(&fs::read(file)?)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The uploads that `given` asks for, in its order; why not, in a sentence.
pub(super) fn find(given: &[PathBuf]) -> Result<Vec<Upload>, String> {
    let mut uploads = Vec::new();
    for path in given {
        if path.is_dir() {
            let files = in_folder(path).map_err(|why| format!("{}: {why}", path.display()))?;
            if files.is_empty() {
                let endings = REPORTS.join(", ");
                let folder = path.display();
                return Err(format!(
                    "{folder} holds no report; their names end in {endings}"
                ));
            }
            uploads.extend(in_archives(path, files));
        } else {
            match path
                .to_str()
                .filter(|text| !path.exists() && text.contains(['*', '?', '[']))
            {
                Some(pattern) => uploads.extend(matching(pattern)?.into_iter().map(Upload::File)),
                None => uploads.push(Upload::File(path.clone())),
            }
        }
    }
    Ok(uploads)
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let found = glob::glob(pattern).map_err(|why| format!("{pattern} is no pattern: {why}"))?;
    let mut files = Vec::new();
    for path in found {
        let path = path.map_err(|why| why.to_string())?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(format!(
            "no file matches {pattern}; did the tests write their reports?"
        ));
    }
    Ok(files)
}

/// The reports in a folder and the folders in it, sorted; links and hidden ones are left out.
fn in_folder(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let ending = path
                .extension()
                .map(|end| end.to_string_lossy().to_lowercase());
            let is_report = ending.is_some_and(|end| REPORTS.contains(&end.as_str()));
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_report {
                files.push((path, entry.metadata()?.len()));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// As few archives as hold the files; one that is alone goes as it is.
fn in_archives(folder: &Path, files: Vec<(PathBuf, u64)>) -> Vec<Upload> {
    let (mut uploads, mut together, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut close = |together: Vec<PathBuf>| match <[PathBuf; 1]>::try_from(together) {
        Ok([only]) => uploads.push(Upload::File(only)),
        Err(none) if none.is_empty() => {}
        Err(files) => uploads.push(Upload::Folder(folder.to_owned(), files)),
    };
    for (file, length) in files {
        if bytes + length > ARCHIVE_BYTES {
            close(std::mem::take(&mut together));
            bytes = 0;
        }
        bytes += length;
        together.push(file);
    }
    close(together);
    uploads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "<testsuite/>").unwrap();
        }
        folder
    }

    #[test]
    fn files_go_as_they_are_patterns_as_what_they_match_and_folders_packed() {
        let folder = folder(&[
            "b.xml",
            "a.xml",
            "in/c.TRX",
            "in/notes.txt",
            ".git/d.xml",
            "one/e.json",
        ]);
        let at = |name: &str| folder.path().join(name);
        let file = |name: &str| Upload::File(at(name));

        let found = find(&[at("missing.xml"), at("*.xml"), at("one"), at("")]).unwrap();

        let all = vec![at("a.xml"), at("b.xml"), at("in/c.TRX"), at("one/e.json")];
        let packed = Upload::Folder(at(""), all);
        let expected = [
            file("missing.xml"),
            file("a.xml"),
            file("b.xml"),
            file("one/e.json"),
            packed,
        ];
        assert_eq!(found, expected);
        assert!(expected[4].name().ends_with("(4 files)"));
        let bytes = expected[4].read().unwrap();
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names: Vec<_> = archive.file_names().map(Result::unwrap).collect();
        assert_eq!(names, ["a.xml", "b.xml", "in/c.TRX", "one/e.json"]);
    }

    #[test]
    fn nothing_to_send_is_said() {
        let folder = folder(&["notes.txt"]);
        let why = find(&[folder.path().join("*.xml")]).unwrap_err();
        assert!(why.starts_with("no file matches "), "{why}");
        let why = find(&[folder.path().to_owned()]).unwrap_err();
        assert!(why.contains("holds no report"), "{why}");
    }

    #[test]
    fn archives_stay_within_what_the_service_takes() {
        let half = ARCHIVE_BYTES / 2;
        let files = |sizes: &[u64]| {
            let named = sizes.iter().enumerate();
            named
                .map(|(n, size)| (PathBuf::from(n.to_string()), *size))
                .collect()
        };
        let shapes = |sizes: &[u64]| -> Vec<usize> {
            let uploads = in_archives(Path::new("x"), files(sizes));
            uploads
                .iter()
                .map(|upload| match upload {
                    Upload::File(_) => 1,
                    Upload::Folder(_, files) => files.len(),
                })
                .collect()
        };
        assert_eq!(shapes(&[half, half, 1, 1]), [2, 2]);
        assert_eq!(shapes(&[ARCHIVE_BYTES * 3, 1, half]), [1, 2]);
        assert_eq!(shapes(&[]), [0_usize; 0]);
    }
}
