use super::*;
use crate::carrier::{Accept, Channel, Dialer, JoinCall, Limits, serve};
use crate::tls::{Exporter, Identity};
use proptest::prelude::*;
use sanad_log::control::{Authority, Enrolment, Facility, FacilitySecret, SignedEnrolment};
use sanad_log::entropy::Entropy;
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Signer as _};
use std::sync::Arc;
use tokio::net::TcpListener;

fn invite(seed: u8, addresses: &[&str]) -> Invite {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let secret = InviteSecret::from_bytes([seed; SECRET_LEN]);
    Invite::new(&NetworkId([seed ^ 0x5a; 32]), SiteKind::Haven, addresses, &[seed ^ 0x33; 32], secret).unwrap()
}

fn any_address() -> impl Strategy<Value = Address> {
    let host = prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| IpAddr::from(ip).to_string()),
        any::<[u8; 16]>().prop_map(|ip| format!("[{}]", IpAddr::from(ip))),
        "[a-z][a-z0-9]{0,20}(\\.[a-z]{2,8}){0,2}",
    ];
    (host, 1u16..).prop_map(|(host, port)| format!("https://{host}:{port}").parse().unwrap())
}

fn any_invite() -> impl Strategy<Value = Invite> {
    let parts = (any::<[u8; 32]>(), any::<bool>(), prop::collection::vec(any_address(), 1..5), any::<[u8; 32]>());
    (parts, any::<[u8; SECRET_LEN]>()).prop_map(|((network, haven, addresses, certificate), secret)| {
        let kind = if haven { SiteKind::Haven } else { SiteKind::Enclave };
        let secret = InviteSecret::from_bytes(secret);
        Invite::new(&NetworkId(network), kind, addresses, &certificate, secret).unwrap()
    })
}

proptest! {
    #[test]
    fn a_code_says_what_the_invite_says(invite in any_invite()) {
        let code = invite.to_string();
        prop_assert_eq!(code.parse::<Invite>(), Ok(invite.clone()));
        let undashed: String = code.chars().filter(|letter| *letter != '-').collect();
        prop_assert_eq!(undashed.to_lowercase().parse::<Invite>(), Ok(invite));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        prop_assert!(text.parse::<Invite>().is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(invite) = Invite::from_bytes(&bytes) {
            prop_assert_eq!(Invite::from_bytes(&invite.to_bytes()), Ok(invite));
        }
    }
}

#[test]
fn any_one_wrong_letter_is_found_in_its_group() {
    let code = invite(7, &["https://10.1.2.3:8443"]).to_string();
    let letters: Vec<char> = code.chars().collect();
    for place in (0..letters.len()).filter(|place| letters[*place] != '-') {
        for wrong in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().filter(|wrong| *wrong != letters[place]) {
            let mut typed = letters.clone();
            typed[place] = wrong;
            let typed: String = typed.into_iter().collect();
            assert_eq!(typed.parse::<Invite>(), Err(CodeError::Group { group: place / 7 + 1 }), "{typed}");
        }
        let mut short = letters.clone();
        short.remove(place);
        let short: String = short.into_iter().collect();
        assert_eq!(short.parse::<Invite>(), Err(CodeError::Group { group: place / 7 + 1 }), "{short}");
        let undashed: String = short.chars().filter(|letter| *letter != '-').collect();
        assert!(undashed.parse::<Invite>().is_err(), "{undashed}");
    }
}

#[test]
fn exchanged_letters_and_groups_are_found() {
    let code = invite(9, &["https://haven.example:443"]).to_string();
    let letters: Vec<char> = code.chars().collect();
    for place in 1..letters.len() {
        if letters[place] != letters[place - 1] && letters[place] != '-' && letters[place - 1] != '-' {
            let mut typed = letters.clone();
            typed.swap(place, place - 1);
            let typed: String = typed.into_iter().collect();
            assert_eq!(typed.parse::<Invite>(), Err(CodeError::Group { group: place / 7 + 1 }), "{typed}");
        }
    }
    let groups: Vec<&str> = code.split('-').collect();
    for place in 1..groups.len() - 1 {
        let mut typed = groups.clone();
        typed.swap(place, place - 1);
        assert_eq!(typed.join("-").parse::<Invite>(), Err(CodeError::Group { group: place }));
    }
    assert_eq!(groups[..groups.len() - 1].join("-").parse::<Invite>(), Err(CodeError::Damaged));
}

#[test]
fn what_people_type_is_forgiven() {
    let invite = invite(3, &["https://10.1.2.3:8443", "https://[2001:db8::7]:443"]);
    let code = invite.to_string();
    let ways = [
        code.to_lowercase(),
        code.replace('-', " - "),
        code.replace('-', "–"),
        code.replace('-', ""),
        code.replace('0', "o").replace('1', "l"),
        code.replace('0', "O").replace('1', "I"),
        code.replace('V', "u"),
        format!("\u{200f}{code}\n"),
        code.replace('0', "٠").replace('7', "٧").replace('4', "۴"),
        format!("-{code}-"),
    ];
    for typed in ways {
        assert_eq!(typed.parse::<Invite>(), Ok(invite.clone()), "{typed}");
    }
    assert_eq!("".parse::<Invite>(), Err(CodeError::Empty));
    let foreign = code.replacen('-', "-!", 1);
    assert_eq!(foreign.parse::<Invite>(), Err(CodeError::Character { group: 2 }));
    assert_eq!("A".repeat(5_000).parse::<Invite>(), Err(CodeError::Damaged));
}

#[test]
fn a_code_is_short_and_its_picture_small() {
    let code = invite(1, &["https://10.1.2.3:8443"]).to_string();
    assert!(code.len() < 90, "{} characters: {code}", code.len());
    let picture = qr_for_terminal(&code).unwrap();
    // 33 modules and a margin of 4 on each side, two rows to a line.
    assert!(picture.lines().all(|line| line.chars().count() <= 45), "{picture}");
    assert!(picture.lines().count() <= 23, "{picture}");
    assert!(qr_for_page(&code).unwrap().contains("<svg"));
    assert_eq!(qr_for_terminal(&"A".repeat(1_001)), None);
}

#[test]
fn an_invite_shows_no_secret_and_needs_an_address() {
    let shown = invite(0xab, &["https://10.1.2.3:8443"]);
    assert!(!format!("{:?}", shown.secret).contains("171"));
    let make = |addresses| {
        let secret = InviteSecret::from_bytes([0; SECRET_LEN]);
        Invite::new(&NetworkId([0; 32]), SiteKind::Enclave, addresses, &[0; 32], secret).err()
    };
    assert_eq!(make(vec![]), Some(InviteError::NoAddress));
    let address: Address = "https://10.1.2.3:8443".parse().unwrap();
    assert_eq!(make(vec![address.clone(); 9]), Some(InviteError::TooLong));
    let label = "a".repeat(60);
    let long: Address = format!("https://{label}.{label}.{label}.{label}:1").parse().unwrap();
    assert_eq!(make(vec![long]), Some(InviteError::TooLong));
}

struct Newcomer {
    facility: Facility,
    facility_signer: Ed25519Signer,
    device_signer: Ed25519Signer,
}

fn newcomer(kind: SiteKind) -> Newcomer {
    let mut entropy = Entropy::new(|out| getrandom::fill(out).unwrap());
    let secret = FacilitySecret::generate(&mut entropy);
    let mut seed = [0; 32];
    seed.copy_from_slice(&secret.to_bytes()[32..]);
    Newcomer {
        facility: secret.facility("Cedar", kind),
        facility_signer: Ed25519Signer::from_seed(&seed),
        device_signer: Ed25519Signer::from_seed(&entropy.array()),
    }
}

impl Newcomer {
    fn request(&self, secret: &InviteSecret, exporter: &Exporter) -> JoinRequest {
        JoinRequest::new(secret, exporter, &self.facility, &self.facility_signer, &self.device_signer)
    }
}

#[test]
fn a_proof_holds_for_its_secret_its_connection_and_its_keys_only() {
    let (secret, guess) = (InviteSecret::from_bytes([1; SECRET_LEN]), InviteSecret::from_bytes([2; SECRET_LEN]));
    let (here, elsewhere) = ([3; 32], [4; 32]);
    let new = newcomer(SiteKind::Haven);
    let request = new.request(&secret, &here);
    let request = JoinRequest::from_bytes(&request.to_bytes()).unwrap();
    let verify = |request: &JoinRequest, secret, kind, exporter| {
        request.verify(secret, kind, exporter, &Ed25519Verifier).map(|(facility, device)| (facility.clone(), device))
    };
    let expected = Ok((new.facility.clone(), new.device_signer.device()));
    assert_eq!(verify(&request, &secret, SiteKind::Haven, &here), expected);
    assert_eq!(verify(&request, &secret, SiteKind::Haven, &elsewhere), Err(JoinRefusal::Secret));
    assert_eq!(verify(&request, &guess, SiteKind::Haven, &here), Err(JoinRefusal::Secret));
    assert_eq!(verify(&request, &secret, SiteKind::Enclave, &here), Err(JoinRefusal::Kind));

    // Who knows the secret still cannot bring keys that it does not hold, or one key as both.
    let victim = newcomer(SiteKind::Haven);
    let stolen = JoinRequest::new(&secret, &here, &victim.facility, &new.facility_signer, &new.device_signer);
    assert_eq!(verify(&stolen, &secret, SiteKind::Haven, &here), Err(JoinRefusal::Unsound));
    let doubled = JoinRequest::new(&secret, &here, &new.facility, &new.facility_signer, &new.facility_signer);
    assert_eq!(verify(&doubled, &secret, SiteKind::Haven, &here), Err(JoinRefusal::Unsound));
    let mut unnamed = newcomer(SiteKind::Haven);
    unnamed.facility.call_sign = " ".to_owned();
    assert_eq!(verify(&unnamed.request(&secret, &here), &secret, SiteKind::Haven, &here), Err(JoinRefusal::Unsound));
    assert_eq!(JoinRequest::from_bytes(b"nonsense").err(), Some(JoinRefusal::Unsound));
}

/// Lets in whoever proves the secret, once.
struct Door {
    secret: std::sync::Mutex<Option<InviteSecret>>,
    authority_signer: Ed25519Signer,
    authority: Authority,
}

impl Accept for Door {
    async fn sync(&self, channel: Channel) {
        drop(channel);
    }

    async fn join(&self, call: JoinCall) -> Vec<u8> {
        let answer = (|| {
            let request = JoinRequest::from_bytes(&call.request)?;
            let mut open = self.secret.lock().unwrap();
            let secret = open.clone().ok_or(JoinRefusal::Secret)?;
            let (facility, device) = request.verify(&secret, SiteKind::Haven, &call.exporter, &Ed25519Verifier)?;
            *open = None;
            let enrolment = Enrolment { network: self.authority.network(), facility: facility.clone(), device };
            Ok(Box::new(Welcome {
                authority: self.authority.clone(),
                enrolment: SignedEnrolment::sign(&enrolment, &[(0, &self.authority_signer)]),
                inviter: self.authority_signer.device(),
                call_sign: "Olive".to_owned(),
            }))
        })();
        answer.map_or_else(JoinAnswer::Refused, JoinAnswer::Welcome).to_bytes()
    }
}

#[tokio::test]
async fn a_code_lets_one_site_in_once() {
    let authority_signer = Ed25519Signer::from_seed(&[5; 32]);
    let authority = Authority { keys: vec![authority_signer.device()], threshold: 1, salt: [6; 16].into() };
    let network = authority.network();
    let secret = InviteSecret::from_bytes([7; SECRET_LEN]);
    let identity = Identity::generate().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Address = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let make = |network: &NetworkId, secret: &InviteSecret| {
        let certificate = identity.certificate_hash();
        Invite::new(network, SiteKind::Haven, vec![address.clone()], &certificate, secret.clone()).unwrap()
    };
    let door = Arc::new(Door { secret: std::sync::Mutex::new(Some(secret.clone())), authority_signer, authority });
    let served = identity.clone();
    tokio::spawn(async move {
        serve(listener, &served, axum::Router::new(), door, Limits::default(), std::future::pending()).await
    });

    let dialer = Dialer::default();
    let try_with = async |invite: &Invite, new: &Newcomer| {
        join(&dialer, invite, &new.facility, &new.facility_signer, &new.device_signer, &Ed25519Verifier).await
    };
    let new = newcomer(SiteKind::Haven);
    let guessed = make(&network, &InviteSecret::from_bytes([8; SECRET_LEN]));
    assert!(matches!(try_with(&guessed, &new).await, Err(JoinError::Refused(JoinRefusal::Secret))));
    let typed: Invite = make(&network, &secret).to_string().to_lowercase().parse().unwrap();
    let joined = try_with(&typed, &new).await.unwrap();
    assert_eq!(joined.certificate, identity.certificate_hash());
    assert_eq!((joined.enrolment.network, joined.enrolment.device), (network, new.device_signer.device()));
    assert_eq!(joined.enrolment.facility, new.facility);
    let again = try_with(&typed, &newcomer(SiteKind::Haven)).await;
    assert!(matches!(again, Err(JoinError::Refused(JoinRefusal::Secret))));
    // An answer for another network, or for somebody else, does not hold.
    let elsewhere = make(&NetworkId([0; 32]), &secret);
    let holds = |invite: &Invite, new: &Newcomer| {
        joined.welcome.verify(invite, &new.facility, &new.device_signer.device(), &Ed25519Verifier).is_ok()
    };
    assert!(holds(&typed, &new));
    assert!(!holds(&elsewhere, &new));
    assert!(!holds(&typed, &newcomer(SiteKind::Haven)));
}
