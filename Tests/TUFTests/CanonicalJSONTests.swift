import JSON
import TUF
import Testing

@Suite struct CanonicalJSONTests {
    @Test func membersAreInOrderOfCodePoints() throws {
        // U+FF41 precedes U+1F600 as a code point, not as UTF-16; "e" and U+0301 stay two.
        let value = try JSONValue(parsing: #"{"\uff41":1,"😀":2,"a":[true,null,-3],"B":"x\"\\\n"}"#)
        let bytes = try #require(CanonicalJSON.encode(value))
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "{\"B\":\"x\\\"\\\\\n\",\"a\":[true,null,-3],\"\u{ff41}\":1,\"😀\":2}"
        )
    }

    @Test func fractionsHaveNoForm() {
        #expect(CanonicalJSON.encode(["a": [.number(1.5)]]) == nil)
    }
}
