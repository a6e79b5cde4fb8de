//! Where a site is reached: `https://host:port`, as an operator wrote it.

use rustls::pki_types::{DnsName, ServerName};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The port when none is written.
const PORT_DEFAULT: u16 = 443;

/// An address that was parsed. A name is looked up only when it is dialled; a number never.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// A number or a name.
    pub host: ServerName<'static>,
    /// TCP port.
    pub port: u16,
}

/// What is wrong with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin with `https://`.
    #[error("an address begins with https://")]
    Scheme,
    /// The host is neither a number nor a name.
    #[error("the host is neither an IP address nor a name")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// Something follows the port.
    #[error("an address ends after the port")]
    Path,
}

impl Address {
    /// The address of a socket.
    pub fn of_socket(socket: SocketAddr) -> Address {
        Address { host: ServerName::IpAddress(socket.ip().into()), port: socket.port() }
    }

    /// True for a name: whoever dials it asks a name server first.
    pub fn is_name(&self) -> bool {
        !matches!(self.host, ServerName::IpAddress(_))
    }

    /// The host as it is dialled: no brackets around an IPv6 address.
    pub(super) fn dial_host(&self) -> String {
        match &self.host {
            ServerName::IpAddress(ip) => IpAddr::from(*ip).to_string(),
            name => name.to_str().into_owned(),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let text = text.trim();
        let rest = match text.split_at_checked("https://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https://") => rest,
            _ => return Err(AddressError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(AddressError::Path);
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (ip, port) = inner.split_once(']').ok_or(AddressError::Host)?;
                let ip = Ipv6Addr::from_str(ip).map_err(|_| AddressError::Host)?;
                (ServerName::IpAddress(IpAddr::V6(ip).into()), port)
            }
            None => {
                let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                (parse_host(host)?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => PORT_DEFAULT,
            None => return Err(AddressError::Host),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(AddressError::Port)?
            }
            Some(_) => return Err(AddressError::Port),
        };
        Ok(Address { host, port })
    }
}

fn parse_host(host: &str) -> Result<ServerName<'static>, AddressError> {
    if let Ok(ip) = host.parse::<std::net::Ipv4Addr>() {
        return Ok(ServerName::IpAddress(IpAddr::V4(ip).into()));
    }
    // A host of digits and dots that is no IPv4 address is a slip, not a name.
    if host.ends_with(|last: char| last.is_ascii_digit() || last == '.') && !host.contains(char::is_alphabetic) {
        return Err(AddressError::Host);
    }
    DnsName::try_from(host.to_ascii_lowercase()).map(ServerName::DnsName).map_err(|_| AddressError::Host)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.dial_host();
        if host.contains(':') {
            write!(f, "https://[{host}]:{}", self.port)
        } else {
            write!(f, "https://{host}:{}", self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        let cases = [
            ("https://10.0.0.5:8443", Ok("https://10.0.0.5:8443")),
            (" HTTPS://Haven.Example:443/ ", Ok("https://haven.example:443")),
            ("https://haven", Ok("https://haven:443")),
            ("https://[2001:db8::1]:8443", Ok("https://[2001:db8::1]:8443")),
            ("https://[::1]", Ok("https://[::1]:443")),
            ("http://10.0.0.5:8443", Err(AddressError::Scheme)),
            ("10.0.0.5:8443", Err(AddressError::Scheme)),
            ("https://", Err(AddressError::Host)),
            ("https://10.0.0:8443", Err(AddressError::Host)),
            ("https://10.0.0.256:8443", Err(AddressError::Host)),
            ("https://a b:1", Err(AddressError::Host)),
            ("https://2001:db8::1", Err(AddressError::Host)),
            ("https://h:0", Err(AddressError::Port)),
            ("https://h:+1", Err(AddressError::Port)),
            ("https://h:70000", Err(AddressError::Port)),
            ("https://h:1/x", Err(AddressError::Path)),
            ("https://user@h:1", Err(AddressError::Path)),
        ];
        for (text, expected) in cases {
            let parsed = text.parse::<Address>();
            assert_eq!(parsed.clone().map(|address| address.to_string()), expected.map(str::to_owned), "{text}");
            if let Ok(address) = parsed {
                assert_eq!(address.to_string().parse(), Ok(address), "{text}");
            }
        }
    }
}
