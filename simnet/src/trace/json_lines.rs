//! The trace as people and programs read it: one JSON object for each record, one to a line.
//!
//! ```text
//!   {"ns":12350000000,"event":"link-up","proxy":3,"link":{"number":1,"channel":"demo", ...}}
//! ```

use std::io::{self, Write};

use super::Sink;
use crate::event::Record;

/// Writes records to `W`, which it buffers itself.
pub struct JsonLines<W: Write> {
    /// Where to, and none once that failed.
    to: Option<io::BufWriter<W>>,
    error: Option<io::Error>,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        Self { to: Some(io::BufWriter::new(to)), error: None }
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn record(&mut self, record: &Record) {
        let Some(to) = &mut self.to else { return };
        let written = serde_json::to_writer(&mut *to, record)
            .map_err(Into::into)
            .and_then(|()| to.write_all(b"\n"));
        if let Err(error) = written {
            self.error = Some(error);
            // What its buffer holds would fail as well.
            self.to.take().map(io::BufWriter::into_parts);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.to.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, ProxyNo, SessionNo, Stop};
    use crate::trace::testing::record;

    #[test]
    fn each_record_is_one_line_of_json() {
        let mut lines = JsonLines::new(Vec::new());
        lines
            .record(&record(1500, Event::ProxyStopped { proxy: ProxyNo(3), how: Stop::PowerLost }));
        lines.record(&record(
            1501,
            Event::Garbled { session: SessionNo(1), what: "a\nb \"c\"".into() },
        ));
        lines.finish().unwrap();
        let text = lines.to.unwrap().into_inner().unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            concat!(
                r#"{"ns":1500000000,"event":"proxy-stopped","proxy":3,"how":"power-lost"}"#,
                "\n",
                r#"{"ns":1501000000,"event":"garbled","session":1,"what":"a\nb \"c\""}"#,
                "\n"
            )
        );
    }

    /// Takes `room` bytes, and then nothing.
    struct Full {
        room: usize,
        tries: usize,
    }

    impl Write for &mut Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.tries += 1;
            if self.room < bytes.len() {
                return Err(io::Error::other("no room"));
            }
            self.room -= bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_once_and_not_tried_again() {
        let mut full = Full { room: 10_000, tries: 0 };
        let mut lines = JsonLines::new(&mut full);
        for n in 0..1000 {
            lines.record(&record(n, Event::Joined { session: SessionNo(1) }));
        }
        assert_eq!(lines.finish().unwrap_err().to_string(), "no room");
        assert!(lines.finish().is_ok(), "told already");
        drop(lines);
        assert_eq!(full.tries, 2, "one that fitted and one that did not");
    }
}
