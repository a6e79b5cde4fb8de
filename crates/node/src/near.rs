//! Which addresses are of this machine and of networks that nobody outside reaches.

use std::net::IpAddr;

/// True for loopback, link-local, private and shared addresses (RFC 1122, 3927, 1918, 6598, 4193, 4291): whoever has one
/// is on this machine or on a network next to it. An IPv4 address within IPv6 is taken for what it is.
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            // RFC 6598: what a provider's customers share, and what overlay networks use.
            let is_shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The addresses of this machine that are not near: whoever listens everywhere listens there too. Empty if the system does
/// not say.
pub fn far_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut far: Vec<IpAddr> = interfaces.iter().map(|one| one.ip()).filter(|ip| !is_near(*ip)).collect();
    far.sort_unstable();
    far.dedup();
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_this_machine_and_the_networks_that_nobody_outside_reaches() {
        for near in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.5",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.3.4",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fd00::1",
            "fc00::1",
            "fe80::1",
            "::ffff:192.168.1.1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_near(near.parse().unwrap()), "{near}");
        }
        for far in [
            "0.0.0.0",
            "::",
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "192.169.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "192.0.2.1",
            "255.255.255.255",
            "2001:db8::1",
            "2a00::1",
            "::ffff:8.8.8.8",
            "ff02::1",
            "fec0::1",
        ] {
            assert!(!is_near(far.parse().unwrap()), "{far}");
        }
        assert!(far_addresses().into_iter().all(|ip| !is_near(ip)));
    }
}
