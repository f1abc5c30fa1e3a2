//! The files embedded in the program: console, polyfill and examples (see `build.rs`).

use std::fmt;

/// A file that is served.
#[derive(PartialEq, Eq)]
pub(crate) struct File {
    /// Where it is served.
    pub(crate) path: &'static str,
    /// Its content type.
    pub(crate) kind: &'static str,
    pub(crate) body: &'static [u8],
}

/// All of them, by path.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

impl File {
    /// The file that is served at just this path.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        FILES.binary_search_by(|file| file.path.cmp(path)).ok().map(|at| &FILES[at])
    }

    /// The page of the folder that `path` names without the slash at its end.
    pub(crate) fn of_folder(path: &str) -> Option<&'static Self> {
        FILES.iter().find(|file| file.path.strip_suffix('/') == Some(path) && !path.is_empty())
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_order_and_each_path_is_one() {
        assert!(FILES.is_sorted_by(|a, b| a.path < b.path));
        assert!(FILES.len() > 5, "{FILES:?}");
        for file in FILES {
            assert_eq!(File::at(file.path), Some(file));
            assert!(!file.body.is_empty(), "{file:?}");
        }
    }

    #[test]
    fn a_folder_is_found_without_its_slash() {
        let folder = |path| File::of_folder(path).map(|file| file.path);
        assert_eq!(folder("/examples"), Some("/examples/"));
        for path in ["", "/", "/examples/", "/console", "/nothing"] {
            assert_eq!(folder(path), None, "{path}");
        }
    }
}
