//! What a path means.

use super::files::File;
use crate::name::{ChannelId, ChannelName, NameError, Scope};

/// What is served at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A channel, over WebSocket.
    Channel(ChannelId),
    /// Anything else, for this machine alone.
    Page(Page),
}

/// What is there to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// One of the files.
    File(&'static File),
    /// A folder whose path lacks the slash at its end.
    Folder(&'static File),
    /// The state as JSON.
    Status,
    /// The state as Prometheus text.
    Metrics,
}

/// Why a path leads nowhere. Answered with 404.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("nothing is here; channels are at /local/<name> and /broadcast/<name>")]
    Unknown,
}

impl Route {
    /// Reads the path of a request, without its query string.
    pub(crate) fn of(path: &str) -> Result<Self, RouteError> {
        let channel = |scope, segment| -> Result<Self, RouteError> {
            let name = ChannelName::from_path_segment(segment)?;
            Ok(Route::Channel(ChannelId { scope, name }))
        };
        if let Some(segment) = path.strip_prefix("/local/") {
            return channel(Scope::Local, segment);
        }
        if let Some(segment) = path.strip_prefix("/broadcast/") {
            return channel(Scope::Broadcast, segment);
        }
        let page = match path {
            "/status" => Some(Page::Status),
            "/metrics" => Some(Page::Metrics),
            _ => File::at(path).map(Page::File).or_else(|| File::of_folder(path).map(Page::Folder)),
        };
        page.map(Route::Page).ok_or(RouteError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_one_segment_behind_its_scope() {
        let broadcast = |name: &str| {
            Ok(Route::Channel(ChannelId { scope: Scope::Broadcast, name: name.parse().unwrap() }))
        };
        assert_eq!(Route::of("/broadcast/chat"), broadcast("chat"));
        assert_eq!(Route::of("/broadcast/%63hat"), broadcast("chat"));
        assert_eq!(Route::of("/broadcast/com.example.chat"), broadcast("com.example.chat"));
        for path in ["/broadcast/a/b", "/broadcast/a/", "/broadcast/a%2Fb", "/broadcast//a"] {
            assert!(
                matches!(Route::of(path), Err(RouteError::Name(NameError::BadByte { .. }))),
                "{path}"
            );
        }
        assert_eq!(Route::of("/local/"), Err(RouteError::Name(NameError::Empty)));
        for path in ["/local", "/broadcast", "/Local/a", "//local/a", "/console/", "", "*"] {
            assert_eq!(Route::of(path), Err(RouteError::Unknown), "{path}");
        }
    }

    #[test]
    fn a_page_is_at_its_one_path_and_nothing_else_of_its_folder_is() {
        for path in ["/", "/console", "/console/console.js", "/namedwebsockets.js", "/examples/"] {
            let Ok(Route::Page(Page::File(file))) = Route::of(path) else { panic!("{path}") };
            assert_eq!(file.path, path);
        }
        let examples = File::at("/examples/").unwrap();
        assert_eq!(Route::of("/examples"), Ok(Route::Page(Page::Folder(examples))));
        for path in [
            "/index.html",
            "/console/index.html",
            "/console/README.md",
            "/examples/index.html",
            "/examples/../console",
            "/examples//",
            "/examples/%2e%2e/",
        ] {
            assert_eq!(Route::of(path), Err(RouteError::Unknown), "{path}");
        }
    }
}
