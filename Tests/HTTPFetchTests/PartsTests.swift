import Synchronization
import TestSupport
import Testing

@testable import HTTPFetch

/// URLs, ranges, multipart bodies, the no-proxy list and the bandwidth, without a server.
@Suite struct PartsTests {
    @Test func urlsAreRead() throws {
        let url = try FetchURL("HTTPS://u%40:p:w@Example.com:8443/a/b?c#d")
        #expect(url.user == "u@" && url.password == "p:w" && url.host == "example.com" && url.port == 8443)
        #expect(url.description == "https://example.com:8443/a/b?c")
        #expect(try FetchURL("http://[::1]:80/").authority == "[::1]")
        #expect(try FetchURL("http://h?x").target == "/?x")
    }

    @Test(arguments: [
        "", "ftp://h/", "http:/h", "http://", "http:///x", "http://h:0/", "http://h:99999/", "http://h:8x/",
        "http://a b/", "http://ä/", "http://[::1/", "http://[::g]/", "http://[::1]x/", "http://u%zz@h/",
        "http://a%2fb/", "file://other/x", "//h/x", "http://h/\r\nX: y",
        "http://\(String(repeating: "a", count: 300))/",
    ])
    func wrongURLsAreRefused(_ text: String) {
        #expect(throws: FetchFailure.self) { try FetchURL(text) }
    }

    @Test(arguments: [
        ("/x", "http://h:81/x"), ("x?y", "http://h:81/a/x?y"), ("?z", "http://h:81/a/b?z"),
        ("//i/x", "http://i/x"), ("//h:81/x", "http://h:81/x"), ("http://h:81/z", "http://h:81/z"),
        ("https://h:81/z", "https://h:81/z"), ("https://j", "https://j/"), ("x:y", nil),
        ("../x", "http://h:81/a/../x"),
    ])
    func referencesAreResolved(_ reference: String, _ expected: String?) throws {
        let base = try FetchURL("http://me:pw@h:81/a/b?c")
        guard let expected else {
            #expect(throws: FetchFailure.self) { try base.resolve(reference) }
            return
        }
        let url = try base.resolve(reference)
        #expect(url.description == expected)
        #expect(url.user == (url.hasSameOrigin(as: base) ? "me" : ""))
        #expect(try base.resolve("http://you@h:81/").user == "you")
    }

    @Test(arguments: [
        ("example.com", true), ("a.example.com", true), ("notexample.com", false), ("example.com.", true),
        ("x.dotted.org", true), ("10.1.2.3", true), ("11.1.2.3", false), ("192.168.7.9", true),
        ("192.168.7.8", false),
        ("fd00::5", true), ("fe80::5", false), ("172.16.3.4", true), ("172.16.64.4", false),
    ])
    func noProxyIsReadAsCurlDoes(_ host: String, _ expected: Bool) throws {
        let list = try NoProxy([
            "example.com", ".dotted.org", "10.0.0.0/8", "192.168.7.9", "fd00::/8", "172.16.0.0/18",
        ])
        #expect(list.contains(host, port: 443) == expected)
        #expect(try NoProxy(["*"]).contains(host, port: 443))
    }

    @Test(arguments: [
        ("*.Example.org", "a.example.org", 443, true), ("*.example.org", "example.org", 443, true),
        ("*.example.org", "notexample.org", 443, false), ("host:8080", "host", 8080, true),
        ("host:8080", "a.host", 8080, true), ("host:8080", "host", 443, false),
        (".example.org:81", "a.example.org", 81, true), (".example.org:81", "a.example.org", 80, false),
        ("10.0.0.1:8080", "10.0.0.1", 8080, true), ("10.0.0.1:8080", "10.0.0.1", 80, false),
        ("[fd00::1]:8080", "fd00::1", 8080, true), ("[fd00::1]:8080", "fd00::1", 80, false),
        ("[fd00::1]", "fd00::1", 80, true), ("fd00::1", "fd00::1", 80, true),
        ("fd00::80", "fd00::", 80, false),
    ])
    func noProxyWithPortsAndStars(_ entry: String, _ host: String, _ port: Int, _ expected: Bool) throws {
        #expect(try NoProxy([entry]).contains(host, port: port) == expected)
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "a/8", "10.0.0.0/8/8", "http://x", "a.*.x", "*.", "*:80", "h:0", "h:65536", "h:",
        ":80", "10.0.0.0/8:80", "a:b:80",
    ])
    func wrongNoProxyIsRefused(_ text: String) { #expect(throws: FetchError.self) { try NoProxy([text]) } }

    @Test(arguments: ["proxy:3128", "proxy.example.org", "u:p@proxy:3128/", "http://10.0.0.1:3128"])
    func proxiesNeedNoScheme(_ text: String) throws { _ = try HTTPFetcher(quick { $0.proxy = text }) }

    @Test func wrongConfigurationsAreRefused() {
        for change: (inout HTTPFetcher.Configuration) -> Void in [
            { $0.tries = 0 }, { $0.idleTime = .zero }, { $0.bandwidth = 0 }, { $0.userAgent = "a\r\nb" },
            { $0.proxy = "https://x" }, { $0.proxy = "x:y" }, { $0.proxy = "http://x/path" },
            { $0.authorities = "/nowhere" },
            { $0.authorities = "/dev/zero" }, { $0.authorities = "/etc/passwd" },
        ] {
            #expect(throws: FetchError.self) { try HTTPFetcher(quick(change)) }
        }
    }

    @Test(arguments: [
        "", "bytes", "bytes 0-1", "bytes 1-0/5", "bytes 0-5/5", "bytes */5", "items 0-1/5", "bytes 0-1/5/6",
        "bytes -1/5", "bytes 0-18446744073709551615/*", "bytes +0-1/5",
    ])
    func wrongContentRangesAreRefused(_ text: String) { #expect(ContentRange(text) == nil) }

    @Test func rangesAreJoinedTakenAndDivided() {
        var set = RangeSet([20..<30, 0..<10, 10..<12, 25..<40, 50..<50])
        #expect(set.ranges == [0..<12, 20..<40])
        #expect(set.take(5..<25) == [5..<12, 20..<25])
        #expect(set.ranges == [0..<5, 25..<40] && set.count == 20)
        #expect(set.requests(ranges: 1, bytes: 10).map(\.ranges) == [[0..<5], [25..<35], [35..<40]])
        #expect(set.requests(ranges: 2, bytes: 10).map(\.ranges) == [[0..<5, 25..<30], [30..<40]])
        #expect(set.field == "bytes=0-4,25-39")
    }

    /// Bodies are read the same, wherever the network cuts them.
    @Test func multipartIsReadInAnyPieces() throws {
        let text =
            "preamble\r\n--e e\r\nContent-Range: bytes 2-4/9\r\nX: y\r\n\r\n--e\r\n--e e \r\n"
            + "content-range:bytes 7-7/9\r\n\r\n\n\r\n--e e--"
        let body = Array(text.utf8)
        for length in 1...body.count {
            var reader = Multipart(boundary: "e e", partsLimit: 2)
            var found: [UInt64: UInt8] = [:]
            for start in stride(from: 0, to: body.count, by: length) {
                try reader.read(body[start..<min(start + length, body.count)]) { event in
                    guard case .content(let offset, let bytes) = event else { return }
                    for (index, byte) in bytes.enumerated() { found[offset + UInt64(index)] = byte }
                }
            }
            #expect(!reader.isComplete)
            reader.finish()
            #expect(reader.isComplete)
            #expect(found == [2: 0x2d, 3: 0x2d, 4: 0x65, 7: 0x0a])
        }
    }

    @Test func boundariesAreRead() {
        #expect(Multipart.boundary(ofType: "multipart/byteranges; boundary=abc") == "abc")
        #expect(Multipart.boundary(ofType: "Multipart/ByteRanges;x=y ; Boundary=\"a b\"") == "a b")
        for type in ["text/plain; boundary=x", "multipart/byteranges", "multipart/byteranges; boundary=", ""]
        {
            #expect(Multipart.boundary(ofType: type) == nil)
        }
    }

    /// Ten times a second's bytes take nine and three quarters of a second of the clock that is given.
    @Test func bandwidthIsKept() async throws {
        let box = Clock()
        let bandwidth = Bandwidth(rate: 1000, time: box.time)
        for _ in 0..<100 { try await bandwidth.take(100) }
        #expect(abs(box.now / .seconds(1) - 9.75) < 0.01)
        // What was not used is not saved up.
        box.advance(.seconds(100))
        let before = box.now
        for _ in 0..<10 { try await bandwidth.take(100) }
        #expect(abs((box.now - before) / .seconds(1) - 0.75) < 0.01)
    }

    private final class Clock: Sendable {
        private let value = Mutex(Duration.zero)
        var now: Duration { value.withLock { $0 } }
        func advance(_ duration: Duration) { value.withLock { $0 += duration } }
        var time: Time { Time(now: { self.now }, sleep: { self.advance($0) }) }
    }
}
