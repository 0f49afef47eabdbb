import Protobuf
import Testing

/// Bytes that are no message, and values that are not of the wanted type.
struct HostileTests {
    private func expect(
        _ bytes: [UInt8],
        _ error: ProtobufError,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try Golden(serialized: bytes) }
    }

    @Test func badFieldsAreRefused() {
        expect([0x00, 0], .fieldNumber(0, offset: 0))
        expect([0x07], .fieldNumber(0, offset: 0))
        // 536,870,912 and the largest number that fits in 64 bits.
        expect([0x80, 0x80, 0x80, 0x80, 0x10, 0], .fieldNumber(0x2000_0000, offset: 0))
        expect([UInt8](repeating: 0xff, count: 9) + [1, 0], .fieldNumber(.max >> 3, offset: 0))
        // Groups, and forms that are none.
        for form in [3, 4, 6, 7] as [UInt8] { expect([0x20, 0x01, 0x50 | form], .form(form, offset: 2)) }
    }

    @Test func numbersEnd() throws {
        expect([0x20], .truncated(offset: 0))
        expect([0x20, 0x80], .truncated(offset: 0))
        expect([0x20] + [UInt8](repeating: 0x80, count: 10) + [0], .endlessNumber(offset: 1))
        expect([0x20] + [UInt8](repeating: 0xff, count: 9) + [2], .endlessNumber(offset: 1))
        let longest = try Golden(serialized: [0x20] + [UInt8](repeating: 0xff, count: 9) + [1])
        #expect(longest.large == -1)
        // Longer than need be, and cut to the field's length, as the format allows.
        #expect(try Golden(serialized: [0x28, 0x81, 0x80, 0x00]).usmall == 1)
        #expect(try Golden(serialized: [0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).usmall == .max)
    }

    @Test func lengthsBeyondTheEndAreRefused() {
        expect([0x12, 1], .truncated(offset: 0))
        expect([0x20, 1, 0x12, 5, 1, 2], .truncated(offset: 2))
        expect([0x12] + [UInt8](repeating: 0xff, count: 9) + [1], .truncated(offset: 0))
        // Fields of fixed length, which are skipped.
        expect([0x81, 0x01, 1, 2, 3, 4, 5, 6, 7], .truncated(offset: 0))
        expect([0x8d, 0x01, 1, 2, 3], .truncated(offset: 0))
        // A message inside that is longer than what it lies in.
        expect([0x5a, 2, 0x12, 5, 1, 2, 3, 4, 5], .truncated(offset: 2))
    }

    @Test func otherTypesAreRefused() {
        expect([0x08, 1], .unexpectedForm(found: "a number of variable length", wanted: "a text"))
        expect(
            [0x22, 0],
            .unexpectedForm(found: "bytes, a text or a message", wanted: "a number of variable length")
        )
        expect([0x09, 1, 2, 3, 4, 5, 6, 7, 8], .unexpectedForm(found: "64 bits", wanted: "a text"))
        expect([0x5d, 1, 2, 3, 4], .unexpectedForm(found: "32 bits", wanted: "a message"))
        expect([0x50, 1], .unexpectedForm(found: "a number of variable length", wanted: "an entry of a map"))
        expect([0x0a, 1, 0xff], .notUTF8)
        // Half of a surrogate pair, and a NUL in two bytes.
        expect([0x0a, 3, 0xed, 0xa0, 0x80], .notUTF8)
        expect([0x0a, 2, 0xc0, 0x80], .notUTF8)
    }

    @Test func depthIsLimited() throws {
        var bytes: [UInt8] = []
        for _ in 0..<100 { bytes = nested(bytes) }
        #expect(try Golden(serialized: bytes).inner.count == 1)
        expect(nested(bytes), .tooDeep(limit: 100))
        var deep = Golden()
        for _ in 0..<100 { deep = Golden(inner: [deep]) }
        #expect(try Golden(serialized: deep.serialized) == deep)
    }

    @Test func anyHoldsWhatItSays() throws {
        let packed = ProtobufAny(packing: Golden(text: "x"), as: "golden.Message")
        #expect(try packed.unpack(Golden.self, as: "golden.Message").text == "x")
        let prefixed = ProtobufAny(typeURL: "type.googleapis.com/golden.Message", value: packed.value)
        #expect(try prefixed.unpack(Golden.self, as: "golden.Message").text == "x")
        #expect(throws: ProtobufError.otherType(found: "golden.Message", wanted: "Message")) {
            try packed.unpack(Golden.self, as: "Message")
        }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SystemRandomNumberGenerator()
        let sound = Golden(
            text: "text",
            data: [1, 2],
            small: -1,
            labels: ["a": "b"],
            inner: [Golden(far: "x")],
            time: ProtobufTimestamp(seconds: 1, nanos: 2)
        ).serialized
        for _ in 0..<5_000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: 0...255,
                    using: &generator
                )
            }
            bytes.removeLast(Int.random(in: 0...2, using: &generator))
            // What can be read can be written, and means the same.
            guard let message = try? Golden(serialized: bytes) else { continue }
            #expect((try? Golden(serialized: message.serialized)) == message)
        }
    }

    private func nested(_ bytes: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = bytes.count
        while rest > 127 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return [0x5a] + length + [UInt8(rest)] + bytes
    }
}
