//! What a path means.

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
    File(File),
    /// The state as JSON.
    Status,
    /// The state as Prometheus text.
    Metrics,
}

/// The files embedded in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Index,
    Console,
    ConsoleCss,
    ConsoleJs,
    ConsoleIcon,
    Polyfill,
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
        Ok(Route::Page(match path {
            "/" => Page::File(File::Index),
            "/console" => Page::File(File::Console),
            "/console/console.css" => Page::File(File::ConsoleCss),
            "/console/console.js" => Page::File(File::ConsoleJs),
            "/console/icon.svg" => Page::File(File::ConsoleIcon),
            "/namedwebsockets.js" => Page::File(File::Polyfill),
            "/status" => Page::Status,
            "/metrics" => Page::Metrics,
            _ => return Err(RouteError::Unknown),
        }))
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
}
