//! `cargo xtask dist`: the Debian package of the release build.
//!
//! Start reading at [`make`]. What is in the package lies in `packaging` and `docs/manual`; this
//! module only puts it in its place.

use crate::peers::{Tool, ensure_installed, tool_command};
use crate::{imrs, workspace};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `cargo xtask dist`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Version of the package [default: that of the workspace]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Builds the package and says where it is.
pub(crate) fn run(args: &Args) -> Result<()> {
    let version = match &args.version {
        Some(version) => version.clone(),
        None => version()?,
    };
    let package = make(&imrs::program()?, &version)?;
    println!("{}", package.display());
    Ok(())
}

/// The version of the workspace.
pub(crate) fn version() -> Result<String> {
    let metadata = workspace::metadata(&workspace::root().join("Cargo.toml"))?;
    let ours = { metadata.packages.into_iter() }.find(|package| package.name == "imrs-node");
    Ok(ours.context("cargo knows no imrs-node")?.version)
}

/// Makes the package of `program`.
pub(crate) fn make(program: &Path, version: &str) -> Result<PathBuf> {
    ensure_installed(&TOOLS)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+~-".contains(c);
    ensure!(
        version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(is_plain),
        "`{version}` is no version of a package: a digit first, then letters, digits, . + ~ -"
    );
    let folder = workspace::builds().join("dist");
    fs::create_dir_all(&folder)?;
    let stage = tempfile::Builder::new()
        .prefix("imrs-dist-")
        .tempdir_in(&folder)?;
    let tree = stage.path().join("tree");
    put_files(program, version, &tree)?;
    put_manual(program, &tree)?;
    put_documents(version, &tree)?;
    let arch = told(Command::new("dpkg").arg("--print-architecture"))?;
    put_control(stage.path(), &tree, version, arch.trim())?;
    let package = folder.join(format!("imrs_{version}_{}.deb", arch.trim()));
    told(
        tool_command("dpkg-deb")?
            // A program with its line tables packs badly and slowly otherwise.
            .args(["--root-owner-group", "-Zxz", "-z1", "--build"])
            .args([&tree, &package]),
    )?;
    Ok(package)
}

/// The program, its units, scripts and settings.
fn put_files(program: &Path, version: &str, tree: &Path) -> Result<()> {
    let packaging = workspace::root().join("packaging");
    let binary = tree.join("usr/lib/imrs/imrs");
    put(program, &binary, 0o755)?;
    told(tool_command("strip")?.arg("--strip-unneeded").arg(&binary))?;
    write(&tree.join("usr/lib/imrs/version"), &format!("{version}\n"))?;
    for (from, to, mode) in FILES {
        put(&packaging.join(from), &tree.join(to), mode)?;
    }
    fs::create_dir_all(tree.join("usr/bin"))?;
    symlink(
        "../lib/imrs/programs/current/imrs",
        tree.join("usr/bin/imrs"),
    )?;
    Ok(())
}

/// Manual pages and completions, which the program writes itself.
fn put_manual(program: &Path, tree: &Path) -> Result<()> {
    let pages = tree.join("usr/share/man/man1");
    told(Command::new(program).args(["manual", "--out"]).arg(&pages))?;
    for page in fs::read_dir(&pages)? {
        told(Command::new("gzip").arg("-9n").arg(page?.path()))?;
    }
    let page = tree.join("usr/share/man/man8/imrs-rollback.8");
    let packaging = workspace::root().join("packaging/debian");
    put(&packaging.join("imrs-rollback.8"), &page, 0o644)?;
    told(Command::new("gzip").arg("-9n").arg(&page))?;
    for (shell, file) in COMPLETIONS {
        let text = told(Command::new(program).args(["completions", shell]))?;
        write(&tree.join(file), &text)?;
    }
    Ok(())
}

/// What the policy of Debian asks for in `/usr/share/doc`, and the manual.
fn put_documents(version: &str, tree: &Path) -> Result<()> {
    let root = workspace::root();
    let folder = tree.join("usr/share/doc/imrs");
    for entry in fs::read_dir(root.join("docs/manual"))? {
        let from = entry?.path();
        let name = from.file_name().context("a document without a name")?;
        put(&from, &folder.join(name), 0o644)?;
    }
    write(&folder.join("copyright"), &copyright()?)?;
    let date = told(Command::new("date").arg("-uR"))?;
    let log = format!(
        "imrs ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the source.\n\n \
         -- {MAINTAINER}  {}\n",
        date.trim()
    );
    let file = folder.join("changelog");
    write(&file, &log)?;
    told(Command::new("gzip").arg("-9n").arg(&file))?;
    Ok(())
}

/// Under which licences it is, in the form of Debian.
fn copyright() -> Result<String> {
    let mut text = COPYRIGHT.to_owned();
    for line in fs::read_to_string(workspace::root().join("LICENSE-MIT"))?.lines() {
        text += match line.trim() {
            "" => " .",
            _ => " ",
        };
        text += line.trim();
        text.push('\n');
    }
    Ok(text)
}

/// The folder `DEBIAN`.
fn put_control(stage: &Path, tree: &Path, version: &str, arch: &str) -> Result<()> {
    let packaging = workspace::root().join("packaging/debian");
    for script in ["postinst", "prerm", "postrm"] {
        let to = tree.join("DEBIAN").join(script);
        put(&packaging.join(script), &to, 0o755)?;
    }
    let size = told(
        Command::new("du")
            .args(["-sk", "--apparent-size"])
            .arg(tree),
    )?;
    let size = size.split_whitespace().next().unwrap_or_default();
    let text = fs::read_to_string(packaging.join("control"))?
        .replace("@VERSION@", version)
        .replace("@ARCH@", arch)
        .replace("@SIZE@", size)
        .replace("@LIBRARIES@", &libraries(stage, tree)?);
    write(&tree.join("DEBIAN/control"), &text)
}

/// Packages of the shared libraries that the program needs, as Debian's own tool tells them.
fn libraries(stage: &Path, tree: &Path) -> Result<String> {
    // The tool reads the control file of a source package, and takes any.
    write(
        &stage.join("debian/control"),
        "Source: imrs\n\nPackage: imrs\nArchitecture: any\n",
    )?;
    let told = told(
        tool_command("dpkg-shlibdeps")?
            .arg("-O")
            .arg(tree.join("usr/lib/imrs/imrs"))
            .current_dir(stage),
    )?;
    let depends = told
        .lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(depends
        .context("dpkg-shlibdeps names no library")?
        .to_owned())
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn write(to: &Path, text: &str) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, text).with_context(|| to.display().to_string())?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o644))?;
    Ok(())
}

/// Runs a command; what it prints.
pub(crate) fn told(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{name}: {}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(text)
}

/// What lies in `packaging`, where it goes, and its mode.
const FILES: [(&str, &str, u32); 7] = [
    ("debian/imrs-rollback", "usr/sbin/imrs-rollback", 0o755),
    ("debian/imrs.toml", "usr/share/imrs/imrs.toml", 0o644),
    (
        "systemd/imrs.service",
        "lib/systemd/system/imrs.service",
        0o644,
    ),
    (
        "systemd/imrs-route.service",
        "lib/systemd/system/imrs-route.service",
        0o644,
    ),
    (
        "systemd/imrs-bird.service",
        "lib/systemd/system/imrs-bird.service",
        0o644,
    ),
    (
        "systemd/sysusers.conf",
        "usr/lib/sysusers.d/imrs.conf",
        0o644,
    ),
    (
        "systemd/tmpfiles.conf",
        "usr/lib/tmpfiles.d/imrs.conf",
        0o644,
    ),
];

/// Shells, and where each looks.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/imrs"),
    ("zsh", "usr/share/zsh/vendor-completions/_imrs"),
    ("fish", "usr/share/fish/vendor_completions.d/imrs.fish"),
];

const MAINTAINER: &str = "imrs maintainers <maintainers@imrs.invalid>";

const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: imrs

Files: *
Copyright: 2026 The imrs developers
License: Expat or Apache-2.0

License: Apache-2.0
 On Debian systems, the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.

License: Expat
";

const TOOLS: [Tool; 2] = [
    Tool {
        command: "dpkg-shlibdeps",
        package: "dpkg-dev",
    },
    Tool {
        command: "strip",
        package: "binutils",
    },
];
