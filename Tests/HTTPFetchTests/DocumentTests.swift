import Foundation
import TestSupport
import Testing

@testable import HTTPFetch

/// Documents of a hostile server, and of this machine.
@Suite struct DocumentTests {
    private func failure(
        _ url: String,
        limit: Int = 100_000,
        _ configuration: HTTPFetcher.Configuration = quick()
    ) async throws -> FetchFailure? {
        do {
            _ = try await HTTPFetcher(configuration).get(url, limit: limit)
            return nil
        } catch {
            guard case .failed(let named, let failure) = error else { return .badAnswer("\(error)") }
            #expect(!named.contains("secret"))
            return failure
        }
    }

    @Test func aDocumentIsFetched() async throws {
        let server = try HostileServer()
        #expect(try await HTTPFetcher(quick()).get(server.url("proper"), limit: 3000) == server.content)
        #expect(try await HTTPFetcher(quick()).get(server.url("redirect"), limit: 3000) == server.content)
        #expect(try await HTTPFetcher(quick()).get(server.url("chunked"), limit: 5) == Array("hello".utf8))
    }

    @Test(arguments: ["proper", "endless", "endless-close"])
    func tooMuchIsRefused(_ path: String) async throws {
        let server = try HostileServer()
        #expect(try await failure(server.url(path), limit: 2999) == .tooLarge(limit: 2999))
    }

    @Test(arguments: [
        ("404", FetchFailure.status(404)), ("407", .status(407)),
        ("gzip", .badAnswer("it is compressed, which was not asked for")),
        ("circle", .redirect("")), ("redirects", .redirect("")), ("to-file", .redirect("")),
        ("no-location", .redirect("")), ("long-header", .headTooLarge(limit: 65_536)),
        ("garbage", .badAnswer("")), ("endless-headers", .badAnswer("")),
    ])
    func whatIsWrongForGoodIsNamedAndNotTriedAgain(_ path: String, _ expected: FetchFailure) async throws {
        let server = try HostileServer()
        let found = try #require(await failure(server.url(path)))
        switch (found, expected) {
        case (.redirect, .redirect), (.badAnswer, .badAnswer): break
        default: #expect(found == expected)
        }
        #expect(server.requests.count <= 6)
        if path == "404" {
            await #expect { try await HTTPFetcher(quick()).get(server.url(path), limit: 1) } throws: {
                ($0 as? FetchError)?.isNotFound ?? false
            }
        }
    }

    @Test(arguments: [
        ("500", FetchFailure.status(500)), ("always-short", .disconnected), ("hangs-up", .disconnected),
        ("chunked-without-end", .disconnected),
    ])
    func whatMayPassIsTriedAgain(_ path: String, _ expected: FetchFailure) async throws {
        let server = try HostileServer()
        #expect(try await failure(server.url(path)) == expected)
        #expect(server.requests.count == 4)
    }

    @Test(arguments: ["503-then-ok", "short", "stall-once"])
    func whatPassesSucceeds(_ path: String) async throws {
        let server = try HostileServer()
        let configuration = quick { $0.idleTime = .milliseconds(500) }
        #expect(try await HTTPFetcher(configuration).get(server.url(path), limit: 3000) == server.content)
    }

    @Test(arguments: ["stall", "silent", "drip-header"])
    func silenceEnds(_ path: String) async throws {
        let server = try HostileServer()
        let configuration = quick { ($0.idleTime, $0.tries) = (.milliseconds(300), 1) }
        #expect(try await failure(server.url(path), configuration) == .stalled(.milliseconds(300)))
    }

    @Test func dripEnds() async throws {
        let server = try HostileServer()
        let slow = quick { ($0.rateWindow, $0.tries) = (.milliseconds(300), 1) }
        #expect(try await failure(server.url("drip"), slow) == .tooSlow(minimum: 512))
        let long = quick { ($0.minimumRate, $0.documentTime, $0.tries) = (0, .milliseconds(500), 1) }
        // Besides what its greatest length takes at 16 KiB a second.
        #expect(try await failure(server.url("drip"), limit: 8192, long) == .timeLimit(.seconds(1)))
    }

    @Test func connectionsThatFailAreToldApart() async throws {
        #expect(
            try await failure("http://no-such-host.invalid/", quick { $0.tries = 1 })
                == .unknownHost("no-such-host.invalid")
        )
        #expect(try await failure("http://user:secret@127.0.0.1:1/") == .refused("127.0.0.1 port 1"))
        let server = try HostileServer()
        // It never answers what TLS begins with.
        let silent = server.url("proper").replacing("http:", with: "https:")
        let configuration = quick { ($0.connectTime, $0.tries) = (.milliseconds(500), 1) }
        guard case .connectTimeout = try await failure(silent, configuration) else {
            Issue.record("no handshake that takes too long")
            return
        }
    }

    @Test func credentialsGoToTheirOriginOnly() async throws {
        let server = try HostileServer()
        let fetcher = try HTTPFetcher(quick())
        let with = server.url("show").replacing("http://", with: "http://me:se%3Acret@")
        let shown = String(decoding: try await fetcher.get(with, limit: 9999), as: UTF8.self)
        #expect(shown.contains("authorization: Basic bWU6c2U6Y3JldA=="))
        #expect(shown.contains("user-agent: bulkhead"))
        let itself = server.url("to-itself").replacing("http://", with: "http://me:secret@")
        let same = String(decoding: try await fetcher.get(itself, limit: 9999), as: UTF8.self)
        #expect(same.contains("authorization: Basic bWU6c2VjcmV0"))
        let elsewhere = server.url("to-other").replacing("http://", with: "http://me:secret@")
        let other = String(decoding: try await fetcher.get(elsewhere, limit: 9999), as: UTF8.self)
        #expect(other.contains("host: localhost:\(server.port)") && !other.contains("authorization"))
    }

    @Test func authorizationGoesToItsOriginOnly() async throws {
        let server = try HostileServer()
        let fetcher = try HTTPFetcher(quick())
        func shown(_ name: String, _ authorization: FetchAuthorization) async throws -> String {
            let answer = try await fetcher.answer(
                to: server.url(name),
                accept: ["text/plain", "a/b"],
                authorization: authorization,
                limit: 9999
            )
            #expect(answer.status == 200 && answer.values("content-LENGTH").count == 1)
            return String(decoding: answer.body, as: UTF8.self)
        }
        let basic = FetchAuthorization.basic(user: "me", password: "se:cret")
        let first = try await shown("show", basic)
        #expect(
            first.contains("authorization: Basic bWU6c2U6Y3JldA==")
                && first.contains("accept: text/plain, a/b")
        )
        #expect(try await shown("to-itself", .bearer("x.y")).contains("authorization: Bearer x.y"))
        #expect(try await !shown("to-other", basic).contains("authorization"))
    }

    @Test func filesAreRead() async throws {
        let folder = try TemporaryDirectory()
        try Data("text".utf8).write(to: folder.url.appending(path: "a b"))
        let fetcher = try HTTPFetcher(quick())
        #expect(try await fetcher.get("file://\(folder.path)/a%20b", limit: 4) == Array("text".utf8))
        #expect(try await failure("file://\(folder.path)/a%20b", limit: 3) == .tooLarge(limit: 3))
        #expect(try await failure("file://\(folder.path)/c") == .status(404))
        #expect(
            try await failure("file://\(folder.path)") == .unreadable("\(folder.path) is no regular file")
        )
        let file = try fetcher.file(urls: ["file://\(folder.path)/a%20b"], size: 4)
        var collected = Collected(4)
        try await file.read(ranges: [1..<3]) { collected.add($0) }
        #expect(collected.has([1..<3], of: Array("text".utf8)))
    }

    @Test func cancellationEnds() async throws {
        let server = try HostileServer()
        let task = Task { try await HTTPFetcher(quick()).get(server.url("silent"), limit: 1) }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        await #expect(throws: FetchError.cancelled) { try await task.value }
    }
}
