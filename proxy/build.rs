//! Collects the files that the proxy serves: all of `console/` and `examples/`, and the polyfill.
//!
//! A file is served if its extension is one of [`TYPES`], and a folder at its own path if it has
//! an `index.html`. READMEs are not, nor is what lies in a folder called `test`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Extensions, and the content types that they are served with.
const TYPES: [(&str, &str); 5] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut files = Vec::new();
    for folder in ["console", "examples"] {
        collect(&root.join(folder), &mut files)?;
    }
    let polyfill = ["polyfill/namedwebsockets.js", "polyfill/namedwebsockets.mjs"];
    files.extend(polyfill.map(|file| root.join(file)));
    for watched in ["console", "examples", "polyfill"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let mut entries: Vec<(String, &str, PathBuf)> = Vec::new();
    for file in files {
        let extension = file.extension().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == extension) else { continue };
        let below = file.strip_prefix(&root).expect("found below the root");
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        entries.push((address(&parts.join("/")), kind, file));
    }
    entries.sort();
    let mut code = String::from("&[\n");
    for (path, kind, file) in entries {
        let line =
            format!("File {{ path: {path:?}, kind: {kind:?}, body: include_bytes!({file:?}) }},");
        writeln!(code, "    {line}").expect("a string takes everything");
    }
    code.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR").expect("set by cargo")).join("files.rs"), code)
}

/// Where a file is served, by its place below the root. The console is one page without a slash.
fn address(file: &str) -> String {
    match file {
        "console/index.html" => "/".to_owned(),
        "console/console.html" => "/console".to_owned(),
        _ if file.starts_with("polyfill/") => file.replacen("polyfill", "", 1),
        _ => format!("/{}", file.strip_suffix("index.html").unwrap_or(file)),
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "test" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
