use proptest::prelude::*;

use super::*;

#[test]
fn every_node_knows_its_bytes() {
    let text = "\u{feff} {\"a\" : [1.10, \"\\u0645\\n\", {\"b\":null}], \"a\\u0062\":true } ";
    let node = parse_object(text.as_bytes()).expect("json");
    assert_eq!(&text[node.start..node.end()], node.text);
    let items = node.get("a").expect("a").items();
    assert_eq!((items[0].text, &text[items[0].start..items[0].end()]), ("1.10", "1.10"));
    assert_eq!(items[1].as_str().as_deref(), Some("م\n"));
    assert!(matches!(node.get("ab").map(|node| &node.kind), Some(Kind::Bool(true))));
}

#[test]
fn errors_name_the_place_and_nothing_else() {
    let cases: [(&[u8], SyntaxKind, usize); 12] = [
        (b"", SyntaxKind::Torn, 0),
        (b"{\"a\": tru", SyntaxKind::Torn, 6),
        (b"{\"a\": 1,\n}", SyntaxKind::Unexpected, 9),
        (b"{\"a\":01}", SyntaxKind::Unexpected, 6),
        (b"[1] x", SyntaxKind::Trailing, 4),
        (b"\"\\ud800\"", SyntaxKind::Unexpected, 7),
        (b"\"\\udc00\"", SyntaxKind::Unexpected, 7),
        (b"\"a\nb\"", SyntaxKind::Unexpected, 2),
        (b"\"\xff\"", SyntaxKind::NotUtf8, 1),
        (b"\"abc\xd9", SyntaxKind::Torn, 4),
        (b"-", SyntaxKind::Torn, 1),
        (b"1.e5", SyntaxKind::Unexpected, 2),
    ];
    for (text, kind, offset) in cases {
        let error = parse(text).err().expect("not JSON");
        assert_eq!((error.kind, error.offset), (kind, offset), "{}", String::from_utf8_lossy(text));
    }
    let error = parse(b"{\n \"Layla\": Layla}").err().expect("not JSON");
    assert_eq!((error.line, error.column), (2, 11));
    assert!(!error.to_string().contains("Layla"));
    assert_eq!(parse_object(b" []").err().map(|error| error.kind), Some(SyntaxKind::NotAnObject));
}

#[test]
fn depth_is_bounded_where_serde_json_is() {
    for depth in [1, DEPTH_MAX, DEPTH_MAX + 1, 100_000] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(parse(text.as_bytes()).is_ok(), depth <= DEPTH_MAX);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), depth <= DEPTH_MAX);
    }
}

#[test]
fn edits_leave_every_other_byte() {
    let text = b"{ \"a\" : 1, \"b\" : [1, 2,3], \"c\": {} }";
    let node = parse(text).expect("json");
    let edit = |change: &dyn Fn(&mut Edits)| {
        let mut edits = Edits::default();
        change(&mut edits);
        String::from_utf8(edits.apply(text)).expect("text")
    };
    let b = node.get("b").expect("b");
    let set = |key, after| edit(&|edits| edits.set_member(text, &node, key, "9", after));
    assert_eq!(set("a", &["b"]), "{ \"a\" : 9, \"b\" : [1, 2,3], \"c\": {} }");
    assert_eq!(set("z", &["y", "a"]), "{ \"a\" : 1, \"z\" : 9, \"b\" : [1, 2,3], \"c\": {} }");
    assert_eq!(set("z", &[]), "{ \"a\" : 1, \"b\" : [1, 2,3], \"c\": {}, \"z\" : 9 }");
    assert_eq!(edit(&|edits| edits.remove_members(&node, &["a"])), "{ \"b\" : [1, 2,3], \"c\": {} }");
    assert_eq!(edit(&|edits| edits.remove_members(&node, &["c"])), "{ \"a\" : 1, \"b\" : [1, 2,3] }");
    assert_eq!(edit(&|edits| edits.push_item(text, b, "4")), "{ \"a\" : 1, \"b\" : [1, 2,3,4], \"c\": {} }");
    let remove = |goes: [bool; 3]| edit(&|edits| edits.remove_items(b, &goes));
    assert_eq!(remove([true, true, false]), "{ \"a\" : 1, \"b\" : [3], \"c\": {} }");
    assert_eq!(remove([false, true, true]), "{ \"a\" : 1, \"b\" : [1], \"c\": {} }");
    assert_eq!(remove([true, true, true]), "{ \"a\" : 1, \"b\" : [], \"c\": {} }");
    assert_eq!(edit(&|edits| edits.set_member(text, node.get("c").expect("c"), "d", "1", &[])), {
        "{ \"a\" : 1, \"b\" : [1, 2,3], \"c\": {\"d\":1} }"
    });
    let insert = |index| edit(&|edits| edits.insert_item(text, b, index, "9"));
    assert_eq!(insert(0), "{ \"a\" : 1, \"b\" : [9,1, 2,3], \"c\": {} }");
    assert_eq!(insert(1), "{ \"a\" : 1, \"b\" : [1, 9, 2,3], \"c\": {} }");
    assert_eq!(insert(3), "{ \"a\" : 1, \"b\" : [1, 2,3,9], \"c\": {} }");
    let shift = |source, destination| edit(&|edits| edits.move_item(b, source, destination));
    assert_eq!(shift(0, 2), "{ \"a\" : 1, \"b\" : [2, 3,1], \"c\": {} }");
    assert_eq!(shift(2, 0), "{ \"a\" : 1, \"b\" : [3, 1,2], \"c\": {} }");
    assert_eq!(shift(1, 1), String::from_utf8_lossy(text));
    assert_eq!(edit(&|edits| edits.rename_member(text, &node.members()[1], "z\"", "[]")), {
        "{ \"a\" : 1, \"z\\\"\" : [], \"c\": {} }"
    });
    let remove = |goes: [bool; 3]| edit(&|edits| edits.remove_members_where(&node, &goes));
    assert_eq!(remove([false, true, true]), "{ \"a\" : 1 }");
}

/// Text that is JSON, almost JSON, or not at all.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "1.10",
        "-0",
        "0",
        "1e5",
        "1e",
        "true",
        "null",
        "nul",
        " ",
        "\n",
        "\"",
        "\\",
        "é",
        "\u{1}",
        "\u{7f}",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

#[test]
fn a_number_no_f64_holds_is_kept_as_it_is_written() {
    for number in ["1e500", "-1e500", "0.1e-500", "123456789012345678901234567890"] {
        assert_eq!(parse(number.as_bytes()).expect("JSON").text, number);
    }
}

proptest! {
    #[test]
    fn this_reader_and_serde_json_accept_the_same_texts(text in texts()) {
        let ours = parse(&text);
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        // A number that no f64 holds is JSON all the same; the other reader stops there and says nothing of the rest.
        prop_assume!(!theirs.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range")));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        if let (Ok(node), Ok(value)) = (ours, theirs) {
            let reread: serde_json::Value = serde_json::from_str(node.text).expect("a node's text is JSON");
            prop_assert_eq!(&reread, &value);
            if let Some(string) = node.as_str() {
                prop_assert_eq!(Some(&*string), value.as_str());
                let requoted: String = serde_json::from_str(&quote(&string)).expect("quoted text is JSON");
                prop_assert_eq!(requoted, string);
            }
        }
    }
}
