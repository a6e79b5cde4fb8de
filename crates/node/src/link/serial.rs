//! A serial device, or a pseudo-terminal in its place: eight bits, no parity, nothing translated, nothing echoed.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use tokio::io::unix::AsyncFd;

/// Read at once.
const READ_BYTES: usize = 4096;

/// An open device.
pub(super) struct Serial(AsyncFd<OwnedFd>);

/// Opens a device and sets it up.
///
/// # Errors
/// It cannot be opened, is no terminal device, or does not know this speed.
pub(super) fn open(path: &Path, baud: u32) -> io::Result<Serial> {
    // Not as the terminal of this process, and without waiting for a modem's carrier.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let device = rustix::fs::open(path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&device).map_err(|error| match error {
        Errno::NOTTY => io::Error::new(io::ErrorKind::InvalidInput, "it is not a serial device"),
        error => error.into(),
    })?;
    settings.make_raw();
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD | ControlModes::CS8;
    settings.control_modes -= ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS;
    settings.set_speed(baud)?;
    tcsetattr(&device, OptionalActions::Now, &settings)?;
    // What came before anybody listened is noise.
    tcflush(&device, QueueSelector::IFlush)?;
    #[allow(deprecated, reason = "its heir is unsafe, which is forbidden here; an owned descriptor keeps what it asks")]
    let device = AsyncFd::new(device)?;
    Ok(Serial(device))
}

impl Serial {
    /// Waits for bytes; at least one.
    pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|device| Ok(rustix::io::read(device.get_ref(), &mut bytes)?)) {
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok(count)) => {
                    bytes.truncate(count);
                    return Ok(bytes);
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Waits until some of these bytes have been taken; how many.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|device| Ok(rustix::io::write(device.get_ref(), bytes)?)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) => return written,
                Err(_) => {}
            }
        }
    }
}
