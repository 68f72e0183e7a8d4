//! The invariants of the house, checked from the manifests and sources: who may use whom, and which floors know no
//! HTTP and no runtime. The table is the design's (`style.md` section 2); a new arrow changes it in the same commit.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use serde_json::Value;

/// Each crate, its floor, and the crates of ours that it may use.
const HOUSE: &[(&str, u8, &[&str])] = &[
    ("firekeep-model", 0, &[]),
    ("firekeep-crypto", 0, &[]),
    ("firekeep-webchannel", 0, &[]),
    ("firekeep-token", 1, &["firekeep-model", "firekeep-crypto"]),
    ("firekeep-store", 1, &["firekeep-model"]),
    ("firekeep-managed-export", 1, &["firekeep-model"]),
    ("firekeep-testkit", 2, &["firekeep-model", "firekeep-store"]),
    (
        "firekeep-accounts",
        2,
        &[
            "firekeep-model",
            "firekeep-crypto",
            "firekeep-token",
            "firekeep-store",
        ],
    ),
    (
        "firekeep-documents",
        2,
        &["firekeep-model", "firekeep-crypto", "firekeep-store"],
    ),
    (
        "firekeep-api",
        3,
        &[
            "firekeep-managed-export",
            "firekeep-model",
            "firekeep-crypto",
            "firekeep-token",
            "firekeep-store",
            "firekeep-accounts",
            "firekeep-documents",
        ],
    ),
    (
        "firekeep-store-rocksdb",
        4,
        &["firekeep-model", "firekeep-store"],
    ),
    ("firekeep-wire-http", 4, &["firekeep-model", "firekeep-api"]),
    (
        "firekeep-wire-identity",
        4,
        &["firekeep-model", "firekeep-api", "firekeep-wire-http"],
    ),
    ("firekeep-wire-proto", 4, &[]),
    (
        "firekeep-wire-firestore",
        4,
        &[
            "firekeep-model",
            "firekeep-api",
            "firekeep-webchannel",
            "firekeep-wire-http",
            "firekeep-wire-proto",
        ],
    ),
];

/// Crates that may use every other: the binary and the chores.
const TOP: &[&str] = &["firekeep", "firekeep-bench", "xtask"];

/// Dependencies that floors 0 to 2 must not have.
const NOT_BELOW: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "http",
    "tonic",
    "rustls",
    "tokio-rustls",
];

/// The floor from which on a crate may know a runtime and HTTP.
const FLOOR_OF_RUNTIME: u8 = 3;

/// Prints every violation; the exit code says if there was one.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("packages")?;
    let mut faults = Vec::new();
    for package in packages {
        check(package, &mut faults)?;
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    println!("tidy: {} packages, {} faults", packages.len(), faults.len());
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(package: &Value, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let name = package
        .get("name")
        .and_then(Value::as_str)
        .context("name")?;
    if !TOP.contains(&name) {
        check_arrows(package, name, faults)?;
    }
    let manifest = package
        .get("manifest_path")
        .and_then(Value::as_str)
        .context("manifest_path")?;
    let folder = Path::new(manifest).parent().context("manifest folder")?;
    check_sources(&folder.join("src"), faults)
}

/// A crate uses what its row in the table names, and nothing else of ours.
fn check_arrows(package: &Value, name: &str, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let Some((_, floor, allowed)) = HOUSE.iter().find(|row| row.0 == name) else {
        faults.push(format!(
            "`{name}` has no row in the table of xtask/src/tidy.rs"
        ));
        return Ok(());
    };
    for dependency in package
        .get("dependencies")
        .and_then(Value::as_array)
        .context("dependencies")?
    {
        let used = dependency
            .get("name")
            .and_then(Value::as_str)
            .context("dependency name")?;
        // A dev-dependency is no arrow of the house: tests may use an engine or a fixture.
        if dependency.get("kind").and_then(Value::as_str) == Some("dev") {
            continue;
        }
        if used.starts_with("firekeep") && !allowed.contains(&used) {
            faults.push(format!("`{name}` may not use `{used}`"));
        }
        if *floor < FLOOR_OF_RUNTIME && NOT_BELOW.contains(&used) {
            faults.push(format!(
                "`{name}` stands on floor {floor} and may not use `{used}`"
            ));
        }
    }
    Ok(())
}

/// Every module says what it is for.
fn check_sources(folder: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            check_sources(&path, faults)?;
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
            && !std::fs::read_to_string(&path)?.starts_with("//!")
        {
            faults.push(format!("{} has no module documentation", path.display()));
        }
    }
    Ok(())
}
