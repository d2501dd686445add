//! From a request to an answer.

use super::Shared;
use super::files::{ServedFileError, ShelfFile};
use super::metrics::count;
use super::request::{Method, Request};
use super::response::{Response, Status};
use super::route::Route;
use crate::decision::{BootAnswer, BootRequest, decide};
use crate::disk_program::DISK_PROGRAM;
use std::net::SocketAddr;
use tracing::{error, info};
use understudy_core::base::causes::with_causes;
use understudy_core::formats::manifest::ArtifactFile;

impl Shared {
    /// `server` is the address that the client reached.
    pub(super) fn answer(&self, request: &Request, server: SocketAddr) -> Response {
        if request.method == Method::Other {
            return Response::refusal(Status::MethodNotAllowed);
        }
        match Route::of(&request.path) {
            Some(Route::Boot { mac, kind }) => self.boot(request, BootRequest { mac, kind, server }),
            Some(Route::File { image, file }) => self.file(request, image, file),
            None => Response::refusal(Status::NotFound),
        }
    }

    fn boot(&self, request: &Request, boot: BootRequest) -> Response {
        let wish = self.directory.wish(boot.mac);
        // Firmware sends HEAD before GET; one line for each boot is enough.
        if request.method == Method::Get {
            info!(mac = %boot.mac, asked_by = ?boot.kind, %wish, "boot request answered");
        }
        match decide(&boot, &wish) {
            BootAnswer::Script(script) => Response::memory("text/plain", script.into_bytes()),
            BootAnswer::DiskProgram => disk_program(),
            BootAnswer::Uki(image) => {
                let response =
                    self.file(request, &image.folder(), ShelfFile::Artifact(ArtifactFile::NetbootUki));
                let is_there = !matches!(response.status, Status::NotFound | Status::Unavailable);
                if is_there {
                    return response;
                }
                // An error would cost a minute of other protocols and end at the disk all the same.
                error!(mac = %boot.mac, %image, "no program to boot on the shelf, the machine goes to its disk");
                disk_program()
            }
        }
    }

    fn file(&self, request: &Request, image: &str, file: ShelfFile) -> Response {
        let Some(served) = self.directory.file(image, file) else {
            return Response::refusal(Status::NotFound);
        };
        match served.open() {
            Ok(open) => Response::file(request, file.content_type(), &served, open),
            Err(failure) => {
                if matches!(failure, ServedFileError::Changed(_)) {
                    count(&self.metrics.files_changed, 1);
                }
                error!(reason = with_causes(&failure), "a file of the shelf is not served");
                Response::refusal(Status::Unavailable)
            }
        }
    }
}

fn disk_program() -> Response {
    Response::memory("application/efi", &DISK_PROGRAM[..])
}
