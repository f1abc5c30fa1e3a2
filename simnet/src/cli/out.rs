//! Where commands write: words to standard output, results to files.
//!
//! A file called `-` is standard output; the words then go to standard error, so that a program
//! reads results alone.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::Failure;

/// Where what is said for people goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    Output,
    Error,
}

impl Words {
    /// Beside these files.
    pub(super) fn beside<'a>(files: impl IntoIterator<Item = Option<&'a Path>>) -> Self {
        let taken = files.into_iter().flatten().any(is_output);
        if taken { Self::Error } else { Self::Output }
    }

    /// Says `text`, and ends its line.
    pub(super) fn say(self, text: &str) -> Result<(), Failure> {
        let line = format!("{}\n", text.trim_end_matches('\n'));
        let said = match self {
            Self::Output => Patient(io::stdout()).write_all(line.as_bytes()),
            Self::Error => Patient(io::stderr()).write_all(line.as_bytes()),
        };
        said.map_err(|error| Failure::Failed(format!("cannot write what is to be said: {error}")))
    }
}

/// Who reads only the beginning, as `head` does, has had enough: the rest is dropped.
struct Patient<W>(W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

fn is_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// Opens a file for results; before the work whose results they are, which may take an hour.
pub(super) fn create(path: &Path) -> Result<Box<dyn Write>, Failure> {
    if is_output(path) {
        return Ok(Box::new(Patient(io::stdout())));
    }
    let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
    Ok(Box::new(file))
}

/// Writes a whole file.
pub(super) fn write(path: &Path, to: &mut dyn Write, text: &str) -> Result<(), Failure> {
    let written = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    written.map_err(|error| cannot_write(path, &error))
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}
