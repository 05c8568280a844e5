//! What goes on without end, until somebody ends it.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use step_sdk::ledger::{Announcement, Lookup};
use step_sdk::{Failure, Host, Level, Request};

use crate::Output;

/// Does it for ever.
pub(crate) fn flood(host: &dyn Host, what: &str) -> Result<Output, Failure> {
    let folder = host.artifacts();
    match what {
        "announced" => announce_without_end(host),
        "appended" => append_without_end(folder),
        "asked" => ask_without_end(host),
        "counted" => count_without_end(host),
        "files" => make_files_without_end(folder),
        "folders" => make_folders_without_end(folder),
        "hole" => write_far_out(folder),
        "length" => set_a_length(folder),
        "links" => link_without_end(folder),
        "logged" => log_without_end(host),
        "printed" => print_without_end(),
        "removed" => write_to_removed_files(folder),
        "requested" => request_without_end(host),
        "rewritten" => rewrite(folder),
        "started" => start_without_end(host, 0),
        "uploaded" => start_without_end(host, 1 << 20),
        "uploaded_once" => upload(1 << 20).send(host).map(|_| Output::default()),
        "written" => write_without_end(folder),
        _ => Err(Failure::invalid_input(format!("`{what}` is no flood"))),
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::internal(format!("failed all the same: {}", error.kind()))
}

fn write_all(mut file: &File) -> Failure {
    let bytes = vec![7; 64 << 10];
    loop {
        if let Err(error) = file.write_all(&bytes) {
            return failed(&error);
        }
    }
}

fn write_without_end(folder: &Path) -> Result<Output, Failure> {
    let file = File::create(folder.join("endless")).map_err(|error| failed(&error))?;
    Err(write_all(&file))
}

fn append_without_end(folder: &Path) -> Result<Output, Failure> {
    let file = OpenOptions::new().append(true).create(true).open(folder.join("endless"));
    Err(write_all(&file.map_err(|error| failed(&error))?))
}

/// Each file is small; there are many.
fn make_files_without_end(folder: &Path) -> Result<Output, Failure> {
    for number in 0_u64.. {
        fs::write(folder.join(number.to_string()), "").map_err(|error| failed(&error))?;
    }
    Ok(Output::default())
}

fn make_folders_without_end(folder: &Path) -> Result<Output, Failure> {
    for number in 0_u64.. {
        fs::create_dir(folder.join(number.to_string())).map_err(|error| failed(&error))?;
    }
    Ok(Output::default())
}

fn link_without_end(folder: &Path) -> Result<Output, Failure> {
    fs::write(folder.join("one"), "one").map_err(|error| failed(&error))?;
    for number in 0_u64.. {
        fs::hard_link(folder.join("one"), folder.join(number.to_string())).map_err(|error| failed(&error))?;
    }
    Ok(Output::default())
}

/// A file of which the disk holds one byte, and readers any number.
fn write_far_out(folder: &Path) -> Result<Output, Failure> {
    let write = || {
        let mut file = File::create(folder.join("hole"))?;
        file.seek(SeekFrom::Start(1 << 40))?;
        file.write_all(b"x")
    };
    write().map(|()| Output::default()).map_err(|error| failed(&error))
}

fn set_a_length(folder: &Path) -> Result<Output, Failure> {
    let set = || File::create(folder.join("long"))?.set_len(1 << 40);
    set().map(|()| Output::default()).map_err(|error| failed(&error))
}

/// Files that have no name any more still fill the disk.
fn write_to_removed_files(folder: &Path) -> Result<Output, Failure> {
    let file = File::create(folder.join("gone")).map_err(|error| failed(&error))?;
    fs::remove_file(folder.join("gone")).map_err(|error| failed(&error))?;
    Err(write_all(&file))
}

/// Ends: the file is never longer than 256 KiB, though it is written twenty times, by turns emptied and cut.
fn rewrite(folder: &Path) -> Result<Output, Failure> {
    let rewrite = || {
        for _ in 0..10 {
            fs::write(folder.join("again"), vec![7; 256 << 10])?;
            let mut file = OpenOptions::new().write(true).open(folder.join("again"))?;
            file.write_all(&vec![8; 256 << 10])?;
            file.set_len(0)?;
        }
        Ok(())
    };
    rewrite().map(|()| Output::default()).map_err(|error| failed(&error))
}

pub(crate) fn print_without_end() -> ! {
    loop {
        println!("and on");
    }
}

fn log_without_end(host: &dyn Host) -> ! {
    loop {
        host.log(Level::Info, "and on");
    }
}

fn count_without_end(host: &dyn Host) -> ! {
    let mut number = 0_u64;
    loop {
        number = number.wrapping_add(1);
        host.progress(number, None, "sheep");
    }
}

/// Announces models that it never makes, with long names.
fn announce_without_end(host: &dyn Host) -> Result<Output, Failure> {
    for number in 0_u64.. {
        let announcement = Announcement {
            kind: "model".to_owned(),
            service: "wml".to_owned(),
            name: format!("{number}{}", "x".repeat(5000)),
            find: Lookup::list("/ml/v4/models", "/resources").matching("/metadata/tags", "{tag}"),
            remove_path: "/v2/assets/{id}".to_owned(),
            remove_query: Vec::new(),
            users: None,
            shared: false,
            basis: String::new(),
        };
        host.announce(&announcement).map_err(|error| Failure::of_ledger("announcing", error))?;
    }
    Ok(Output::default())
}

/// Asks for what it is refused, which is the cheapest request of all.
fn ask_without_end(host: &dyn Host) -> ! {
    loop {
        let _ = host.entries();
    }
}

fn request_without_end(host: &dyn Host) -> Result<Output, Failure> {
    loop {
        Request::get("wml", "/v2/spaces").send(host)?;
    }
}

/// Never waits for an answer, and keeps what it could wait with.
fn start_without_end(host: &dyn Host, bytes: usize) -> Result<Output, Failure> {
    let mut started = Vec::new();
    loop {
        let request = match bytes {
            0 => Request::get("wml", "/v2/spaces"),
            bytes => upload(bytes),
        };
        started.push(request.start(host)?);
    }
}

fn upload(bytes: usize) -> Request {
    Request::post("wml", "/ml/v4/models").body("application/octet-stream", vec![b'x'; bytes])
}
