//! `name.*`: the path is changed before the proxy reads it.

use percent_encoding::percent_decode_str;

use crate::fault::Fault;
use crate::head::Head;

pub(super) const FAULTS: &[Fault] = &[
    Fault::new("no-underscores", "name.alphabet", "refuses names with an underscore")
        .request(|request, _| refuse_if(request, |name| name.contains('_'))),
    Fault::new("names-to-254", "name.alphabet", "refuses names of 255 bytes")
        .request(|request, _| refuse_if(request, |name| name.len() == 255)),
    Fault::new("tilde-in-names", "name.invalid-refused", "takes a tilde for a dash")
        .request(|request, _| rename(request, |name| name.replace('~', "-"))),
    Fault::new("slash-after-names", "name.invalid-refused", "accepts a slash after the name")
        .request(|request, _| rename(request, |name| name.trim_end_matches('/').to_owned())),
    Fault::new("second-segments", "name.invalid-refused", "ignores what follows the first segment")
        .request(|request, _| {
            rename(request, |name| name.split('/').next().unwrap_or_default().to_owned());
        }),
    Fault::new("long-names-cut", "name.invalid-refused", "cuts names at 255 bytes")
        .request(|request, _| rename(request, |name| name.get(..255).unwrap_or(name).to_owned())),
    Fault::new("nameless-channel", "name.invalid-refused", "accepts an empty name").request(
        |request, _| {
            rename(request, |name| if name.is_empty() { "unnamed".into() } else { name.into() });
        },
    ),
    Fault::new("decodes-twice", "name.percent-decoded", "percent-decodes names twice").request(
        |request, _| {
            rename(request, |name| percent_decode_str(name).decode_utf8_lossy().into_owned());
        },
    ),
    Fault::new("decodes-never", "name.percent-decoded", "does not percent-decode names")
        .request(|request, _| rename(request, |name| name.replace('%', "%25"))),
    Fault::new("names-without-case", "name.case-sensitive", "takes A for a in names")
        .request(|request, _| rename(request, str::to_ascii_lowercase)),
    Fault::new("query-in-names", "name.query-ignored", "takes the query for a part of the name")
        .request(|request, _| rename(request, |name| name.replace(['?', '=', '&'], "."))),
    Fault::new("query-refused", "name.query-ignored", "refuses a path with a query")
        .request(|request, _| refuse_if(request, |name| name.contains('?'))),
    Fault::new("only-advertised-names", "name.long-name-works", "refuses what fits no advert")
        .request(|request, _| {
            if request.is_broadcast() {
                refuse_if(request, |name| (240..=255).contains(&name.len()));
            }
        }),
];

fn rename(request: &mut Head, change: impl FnOnce(&str) -> String) {
    if let Some(name) = request.name().map(change) {
        request.set_name(&name);
    }
}

fn refuse_if(request: &mut Head, refused: impl FnOnce(&str) -> bool) {
    if request.name().is_some_and(refused) {
        request.lead_nowhere();
    }
}
