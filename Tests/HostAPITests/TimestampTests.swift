import HostAPI
import TestSupport
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test("are written as python writes them, over all years")
    func written() throws {
        // Foundation counts by the Julian calendar before 1582, RFC 3339 does not. The step is no multiple of a day, an
        // hour or a minute, so that all digits change.
        let times = stride(
            from: -62_135_596_800,
            through: Timestamp.range.upperBound,
            by: 86_400 * 91 + 12_347
        )
        let program = """
            import sys, datetime
            start = datetime.datetime(1970, 1, 1)
            for line in open(sys.argv[1]):
                print((start + datetime.timedelta(seconds=int(line))).isoformat() + 'Z')
            """
        let result = try Python.run(
            program,
            with: "datetime",
            files: [times.map(String.init).joined(separator: "\n")]
        )
        let expected = result.output.split(separator: "\n").map(String.init)
        try #require(expected.count > 30_000)
        #expect(zip(times, expected).first { Timestamp(seconds: $0).description != $1 } == nil)
        #expect(zip(times, expected).first { Timestamp($1)?.seconds != $0 } == nil)
    }

    @Test("are read as python reads them")
    func python() throws {
        let texts = [
            "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-01-31T12:00:00+05:30",
            "1900-03-01T00:00:00-11:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
            "2024-02-29t01:02:03.999999z", "2016-12-31 23:59:59.5Z",
        ]
        let program = """
            import sys, datetime
            for line in open(sys.argv[1]):
                t = datetime.datetime.fromisoformat(line.strip().upper().replace('Z', '+00:00'))
                print((t - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(seconds=1))
            """
        let result = try Python.run(program, with: "datetime", files: [texts.joined(separator: "\n")])
        #expect(result.status == 0, "\(result.output)")
        #expect(
            texts.map { Timestamp($0).map { String($0.seconds) } ?? "refused" }
                == result.output.split(separator: "\n").map(String.init)
        )
    }

    @Test(
        "other texts are refused",
        arguments: [
            "", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00.123", "+026-01-01T00:00:00Z", "２０２６-01-01T00:00:00Z",
            "2026-01-01T00:00:00." + String(repeating: "1", count: 90) + "Z", "2026-01-01T00:00:00+01:0",
        ]
    )
    func refused(text: String) { #expect(Timestamp(text) == nil) }

    @Test("times out of range become the nearest that can be written")
    func clamped() {
        #expect(Timestamp(seconds: .max).description == "9999-12-31T23:59:59Z")
        #expect(Timestamp(seconds: .min).description == "0000-01-01T00:00:00Z")
        #expect(Timestamp("9999-12-31T23:59:59-23:59")?.description == "9999-12-31T23:59:59Z")
    }
}
