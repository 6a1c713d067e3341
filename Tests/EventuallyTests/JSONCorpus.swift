/// Documents in the manner of the suite JSONTestSuite, named as it names them: `y_` is JSON, `n_` is not, `i_` is left to the
/// reader, which refuses it.
enum JSONCorpus {
  static let accepted: [(name: String, json: String)] = [
    ("y_array_empty", "[]"), ("y_array_spaces", " [ ] "), ("y_array_nested", "[[[]],[{}]]"),
    ("y_array_mixed", #"[null, 1, "1", {}, true, false]"#), ("y_array_newlines", "[1\n,\r2\t]"),
    ("y_object_empty", "{}"), ("y_object_one", #"{"a":1}"#), ("y_object_spaces", " { \"a\" : 1 } "),
    ("y_object_two", #"{"a":"b","c":"d"}"#), ("y_object_empty_key", #"{"":0}"#),
    ("y_object_same_value", #"{"a":1,"b":1}"#), ("y_object_case", #"{"a":1,"A":1}"#),
    ("y_object_same_key_below", #"{"a":{"a":{"a":1}},"b":{"a":1}}"#),
    ("y_object_same_keys_in_array", #"[{"a":1},{"a":1}]"#),
    ("y_object_escaped_key", #"{"\u0061b":1,"a":2}"#),
    ("y_object_escaped_null", #"{"a\u0000b":1}"#),
    ("y_object_forms_of_one_character", "{\"\u{e9}\":1,\"e\u{301}\":2}"),
    ("y_number_zero", "0"), ("y_number_minus_zero", "-0"), ("y_number_integer", "-123"),
    ("y_number_fraction", "0.5"), ("y_number_long_fraction", "-1.00000000000000000000001"),
    ("y_number_exponent", "1e5"), ("y_number_exponent_plus", "1E+05"),
    ("y_number_exponent_minus", "0e-1"), ("y_number_all", "-12.34e-56"),
    ("y_number_space_behind", "[1 ]"), ("y_number_huge", "123456789012345678901234567890"),
    ("y_string_empty", #""""#), ("y_string_escapes", #""\"\\\/\b\f\n\r\t""#),
    ("y_string_unicode_escape", #""\u00e9\u20AC""#), ("y_string_pair", #""\uD83D\uDE00""#),
    ("y_string_escaped_control", #""\u0000\u001f""#), ("y_string_delete", "\"\u{7f}\""),
    ("y_string_utf8", "\"\u{e9}\u{20ac}\u{1f600}\u{10ffff}\""),
    ("y_string_escaped_noncharacter", #""\uFFFF""#), ("y_string_line_separator", "\"\u{2028}\""),
    ("y_string_brackets", #""}]{[,:""#), ("y_literal_true", "true"), ("y_literal_false", "false"),
    ("y_literal_null", "null"), ("y_space_around", "\t\r\n null\t\r\n "),
    ("y_depth_128", String(repeating: "[", count: 128) + String(repeating: "]", count: 128)),
    (
      "y_object_many_keys",
      "{" + (0..<500).map { "\"key\($0)\":\($0)" }.joined(separator: ",") + "}"
    ),
  ]

  static let refused: [(name: String, json: String)] = [
    ("n_empty", ""), ("n_space", " "), ("n_array_open", "["), ("n_array_no_end", "[1"),
    ("n_array_comma", "[,]"), ("n_array_trailing_comma", "[1,]"), ("n_array_leading_comma", "[,1]"),
    ("n_array_double_comma", "[1,,2]"), ("n_array_no_comma", "[1 2]"), ("n_array_colon", "[1:2]"),
    ("n_array_closed_by_brace", "[1}"), ("n_array_closed_twice", "[]]"),
    ("n_array_ends_at_comma", "[1,"),
    ("n_object_open", "{"), ("n_object_closed_by_bracket", "{]"),
    ("n_object_z_bracket", #"{"z":[}"#),
    ("n_object_no_colon", #"{"a" 1}"#), ("n_object_no_value", #"{"a":}"#),
    ("n_object_key_only", #"{"a"}"#),
    ("n_object_comma_for_colon", #"{"a",1}"#), ("n_object_double_colon", #"{"a"::1}"#),
    ("n_object_trailing_comma", #"{"a":1,}"#), ("n_object_leading_comma", #"{,"a":1}"#),
    ("n_object_no_comma", #"{"a":1 "b":2}"#), ("n_object_number_key", "{1:1}"),
    ("n_object_bare_key", "{a:1}"), ("n_object_single_quotes", "{'a':1}"),
    ("n_object_no_end", #"{"a":1"#), ("n_object_no_end_behind_colon", #"{"a":"#),
    ("n_object_closed_inside", #"{"a":[1,{"b":2]}"#), ("n_object_garbage_behind", #"{"a":1}x"#),
    ("n_two_values", "1 2"), ("n_two_objects", "{}{}"), ("n_garbage_before", "garbage{}"),
    ("n_garbage_braces", "garbage}{"), ("n_comment", "{}//"), ("n_comment_inside", "[/**/]"),
    ("n_literal_short", "tru"), ("n_literal_long", "truex"), ("n_literal_case", "True"),
    ("n_literal_nope", "nope"), ("n_literal_nul", "nul"), ("n_literal_in_member", #"{"a":nope}"#),
    ("n_number_leading_zero", "01"), ("n_number_minus_leading_zero", "-01"), ("n_number_00", "00"),
    ("n_number_point_end", "1."), ("n_number_point_start", ".5"), ("n_number_minus_point", "-.5"),
    ("n_number_plus", "+1"), ("n_number_minus", "-"), ("n_number_double_minus", "--1"),
    ("n_number_exponent_end", "1e"), ("n_number_exponent_sign_end", "1e+"), ("n_number_e", "e1"),
    ("n_number_point_exponent", "1.e1"), ("n_number_exponent_fraction", "1e1.5"),
    ("n_number_hex", "0x1"),
    ("n_number_infinity", "Infinity"), ("n_number_nan", "NaN"), ("n_number_letter", "1a"),
    ("n_number_space_inside", "1 000"), ("n_number_two_points", "1.2.3"), ("n_number_comma", "1,2"),
    ("n_number_full_width", "\u{ff11}"), ("n_string_open", "\""), ("n_string_no_end", "\"a"),
    ("n_string_escaped_end", #""\""#), ("n_string_single_quotes", "'a'"), ("n_string_bare", "a"),
    ("n_string_escape_x", #""\x41""#), ("n_string_escape_0", #""\0""#),
    ("n_string_escape_a", #""\a""#),
    ("n_string_escape_U", #""\U0041""#), ("n_string_escape_end", "\"\\"),
    ("n_string_u_end", #""\u""#),
    ("n_string_u_short", #""\u12""#), ("n_string_u_hex", #""\u12g4""#),
    ("n_string_u_sign", #""\u+123""#),
    ("n_string_control_0", "\"\u{0}\""), ("n_string_control_1f", "\"\u{1f}\""),
    ("n_string_newline", "\"\n\""), ("n_string_tab", "\"\t\""), ("n_key_control", "{\"\u{1}\":1}"),
    ("n_key_escape", #"{"\x":1}"#), ("n_space_form_feed", "\u{c}1"),
    ("n_space_no_break", "\u{a0}1"),
    ("n_space_vertical_tab", "[1\u{b}]"), ("n_array_nul_behind", "[]\u{0}"),
  ]

  /// What RFC 8259 leaves to the reader.
  static let refusedByChoice: [(name: String, json: String)] = [
    ("i_object_two_members_of_one_name", #"{"a":1,"a":1}"#),
    ("i_object_two_empty_names", #"{"":1,"":2}"#),
    ("i_object_two_names_apart", #"{"a":1,"b":[{"a":1}],"c":2,"a":3}"#),
    ("i_object_two_names_below", #"{"x":[{"a":1,"a":1}]}"#),
    ("i_object_two_names_escaped", #"{"a":1,"\u0061":2}"#),
    ("i_object_two_names_escaped_first", #"{"\u0061":1,"a":2}"#),
    ("i_object_two_names_both_escaped", #"{"\u0061":1,"\u0061":2}"#),
    (
      "i_object_two_of_many_names",
      "{" + (0..<500).map { "\"key\($0 % 499)\":\($0)" }.joined(separator: ",") + "}"
    ),
    ("i_string_lone_high_surrogate", #""\uD800""#), ("i_string_lone_low_surrogate", #""\uDC00""#),
    ("i_string_two_high_surrogates", #""\uD800\uD800""#),
    ("i_string_high_and_letter", #""\uD800a""#),
    ("i_string_high_and_escape", #""\uD800\n""#), ("i_string_pair_reversed", #""\uDE00\uD83D""#),
    ("i_key_lone_surrogate", #"{"\uD800":1}"#), ("i_byte_order_mark", "\u{feff}{}"),
    ("i_depth_129", String(repeating: "[", count: 129) + String(repeating: "]", count: 129)),
    ("i_depth_100000", String(repeating: "[", count: 100_000)),
    ("i_depth_100000_objects", String(repeating: "{\"a\":", count: 100_000)),
  ]

  /// What is no UTF-8, to stand within a string.
  static let invalidUTF8: [(name: String, bytes: [UInt8])] = [
    ("i_utf8_continuation_alone", [0x80]), ("i_utf8_lead_alone", [0xC3]),
    ("i_utf8_lead_and_letter", [0xC3, 0x61]), ("i_utf8_overlong_slash", [0xC0, 0xAF]),
    ("i_utf8_overlong_3", [0xE0, 0x80, 0xAF]), ("i_utf8_surrogate", [0xED, 0xA0, 0x80]),
    ("i_utf8_three_of_four", [0xF0, 0x9F, 0x98]), ("i_utf8_beyond", [0xF4, 0x90, 0x80, 0x80]),
    ("i_utf8_f5", [0xF5, 0x80, 0x80, 0x80]), ("i_utf8_ff", [0xFF]), ("i_utf8_latin1", [0xE9]),
  ]
}
