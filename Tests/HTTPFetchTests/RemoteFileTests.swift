import Foundation
import TestSupport
import Testing

@testable import HTTPFetch

/// Parts of files from a hostile server.
@Suite struct RemoteFileTests {
    private let ranges: [Range<UInt64>] = [10..<200, 500..<501, 700..<1500, 2000..<2999]

    private func read(
        _ urls: [String],
        _ ranges: [Range<UInt64>],
        size: Int = 3000,
        _ configuration: HTTPFetcher.Configuration = quick()
    ) async throws -> Collected {
        var collected = Collected(size)
        let file = try HTTPFetcher(configuration).file(urls: urls, size: UInt64(size))
        try await file.read(ranges: ranges) { collected.add($0) }
        return collected
    }

    private func failure(_ server: HostileServer, _ path: String, _ ranges: [Range<UInt64>]) async
        -> FetchFailure?
    {
        do {
            _ = try await read([server.url(path)], ranges)
            return nil
        } catch {
            guard case .failed(_, let failure)? = error as? FetchError else { return .badAnswer("\(error)") }
            return failure
        }
    }

    @Test func rangesOfOneRequestCome() async throws {
        let server = try HostileServer()
        #expect(try await read([server.url("proper")], ranges).has(ranges, of: server.content))
        #expect(server.requests == ["/proper bytes=10-199,500-500,700-1499,2000-2998"])
    }

    @Test(arguments: ["single-only", "first-of-many"])
    func serversOfSingleRangesAreUsedSo(_ path: String) async throws {
        let server = try HostileServer()
        #expect(try await read([server.url(path)], ranges).has(ranges, of: server.content))
        #expect(server.requests.contains { $0.hasSuffix("bytes=2000-2998") })
    }

    @Test func serversWithoutRangesAreRecognised() async throws {
        let server = try HostileServer()
        let file = try HTTPFetcher(quick()).file(urls: [server.url("ignores-range")], size: 3000)
        await #expect { try await file.read(ranges: ranges) { _ in Issue.record("bytes came") } } throws: {
            ($0 as? FetchError)?.lacksRanges ?? false
        }
        var collected = Collected(3000)
        try await file.stream(from: 1000) { collected.add($0) }
        #expect(collected.has([1000..<3000], of: server.content) && collected.inOrder)
    }

    @Test(arguments: [
        "no-content-range", "wrong-content-range", "length-lie", "garbage-range", "huge-range", "less",
        "more", "416",
    ])
    func liesAboutOneRangeAreNamed(_ path: String) async throws {
        let server = try HostileServer()
        guard case .wrongRange = await failure(server, path, [100..<1200]) else {
            Issue.record("\(String(describing: await failure(server, path, [100..<1200])))")
            return
        }
        #expect(server.requests.count == 1)
    }

    @Test(arguments: [
        "not-asked", "many-parts", "long-boundary", "other-boundary", "long-line", "many-lines",
    ])
    func liesAboutManyRangesAreNamed(_ path: String) async throws {
        let server = try HostileServer()
        guard case .wrongRange = await failure(server, path, ranges) else {
            Issue.record("\(String(describing: await failure(server, path, ranges)))")
            return
        }
    }

    @Test func overlappingPartsDoNotComeTwice() async throws {
        let server = try HostileServer()
        // One part more than was asked for; what is doubled is dropped.
        guard case .wrongRange = await failure(server, "overlapping", ranges) else {
            Issue.record("not named")
            return
        }
    }

    @Test func anotherSizeIsNamed() async throws {
        let server = try HostileServer()
        #expect(await failure(server, "other-size", [0..<10]) == .wrongSize(expected: 3000, found: 3001))
    }

    /// Neither says that the file is another one, and the bytes are checked by whoever reads them.
    @Test(arguments: ["other-tags", "fewer-fields"])
    func tagsAndDatesMayDiffer(_ path: String) async throws {
        let server = try HostileServer()
        let file = try HTTPFetcher(quick()).file(urls: [server.url(path)], size: 3000)
        var collected = Collected(3000)
        for start: UInt64 in [0, 10, 20] {
            try await file.read(ranges: [start..<start + 10]) { collected.add($0) }
        }
        #expect(collected.has([0..<30], of: server.content))
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["epilogue", "epilogue-of-one", "no-epilogue"])
    func nothingIsReadBehindTheLastPart(_ path: String) async throws {
        let server = try HostileServer()
        let configuration = quick { $0.idleTime = .seconds(600) }
        #expect(try await read([server.url(path)], ranges, configuration).has(ranges, of: server.content))
    }

    @Test(.timeLimit(.minutes(10))) func nothingIsWaitedForBehindOnePart() async throws {
        let server = try HostileServer()
        let configuration = quick { $0.idleTime = .seconds(600) }
        #expect(
            try await read([server.url("no-last-chunk")], [5..<2000], configuration)
                .has([5..<2000], of: server.content)
        )
    }

    /// A part that does not begin where the stream does is refused, and the next mirror serves all of it.
    @Test(arguments: [0, 100] as [UInt64]) func streamsBeginAtTheirBeginning(_ start: UInt64) async throws {
        let server = try HostileServer()
        let urls = [server.url("ahead"), server.url("proper")]
        let file = try HTTPFetcher(quick()).file(urls: urls, size: 3000)
        var collected = Collected(3000)
        try await file.stream(from: start) { collected.add($0) }
        #expect(collected.has([start..<3000], of: server.content) && collected.inOrder)
        #expect(collected.mirrors == [urls[1]])
    }

    @Test func aSlowMirrorIsLeftForAnotherAndUsedWhereThereIsNone() async throws {
        let server = try HostileServer()
        let configuration = quick { ($0.rateWindow, $0.minimumRate, $0.usefulRate) = (.seconds(1), 1, 400) }
        let whole: [Range<UInt64>] = [0..<3000]
        let slow = server.url("drip")
        let good = try await read([slow, server.url("proper")], whole, configuration)
        #expect(good.has(whole, of: server.content) && good.mirrors.contains(server.url("proper")))
        let none = try await read([slow, server.url("404")], [0..<100], configuration)
        #expect(none.has([0..<100], of: server.content) && none.mirrors == [slow])
    }

    @Test func whatBreaksGoesOnWhereItWas() async throws {
        let size = 200_000
        let server = try HostileServer(size: size)
        let whole: [Range<UInt64>] = [0..<UInt64(size)]
        let configuration = quick { $0.tries = 10 }
        #expect(
            try await read([server.url("reset-often")], whole, size: size, configuration)
                .has(whole, of: server.content)
        )
        // The first asks for all, the others for what was left.
        let requests = server.requests
        #expect(requests.count >= 4 && requests[0].hasSuffix(" -"))
        #expect(requests.dropFirst().allSatisfy { $0.contains("bytes=") && !$0.contains("bytes=0-") })
        var collected = Collected(size)
        let file = try HTTPFetcher(configuration).file(urls: [server.url("restarts")], size: UInt64(size))
        try await file.stream { collected.add($0) }
        #expect(collected.has(whole, of: server.content) && collected.inOrder)
    }

    @Test func mirrorsAreTriedInTurnAndTheirReasonsKept() async throws {
        let server = try HostileServer()
        let bad = ["404", "500", "ignores-range", "garbage", "wrong-content-range"].map { server.url($0) }
        let good = try await read(bad + [server.url("proper")], ranges)
        #expect(good.has(ranges, of: server.content) && good.mirrors == [server.url("proper")])
        do {
            _ = try await read(bad, ranges)
            Issue.record("no error")
        } catch let error as FetchError {
            guard case .mirrors(let errors) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(errors.count == bad.count && error.lacksRanges && !error.isNotFound)
            for url in bad { #expect(error.description.contains(url)) }
        }
    }

    @Test func anExcludedMirrorIsNotAsked() async throws {
        let server = try HostileServer()
        let urls = [server.url("proper?1"), server.url("proper?2")]
        let file = try HTTPFetcher(quick()).file(urls: urls, size: 3000)
        file.exclude(urls[0])
        var collected = Collected(3000)
        try await file.read(ranges: ranges) { collected.add($0) }
        #expect(collected.mirrors == [urls[1]])
        file.exclude(urls[1])
        await #expect { try await file.read(ranges: ranges) { _ in } } throws: { "\($0)".contains("signed") }
    }

    @Test func anExcludedMirrorServesNoMoreOfThisReading() async throws {
        let size = 2_000_000
        let server = try HostileServer(size: size)
        let urls = [server.url("proper?1"), server.url("proper?2")]
        let file = try HTTPFetcher(quick()).file(urls: urls, size: UInt64(size))
        var collected = Collected(size)
        var ofFirst = 0
        try await file.stream { piece in
            collected.add(piece)
            if piece.mirror == urls[0] { ofFirst += 1 }
            file.exclude(urls[0])
        }
        #expect(collected.has([0..<UInt64(size)], of: server.content) && collected.inOrder)
        #expect(ofFirst <= 2 && collected.mirrors.contains(urls[1]))
    }

    @Test func requestsAreBounded() async throws {
        let size = 100_000
        let server = try HostileServer(size: size)
        let many = stride(from: 0, to: UInt64(size), by: 100).map { $0..<$0 + 50 } + [50..<30_050]
        let configuration = quick { ($0.rangesPerRequest, $0.bytesPerRequest) = (10, 4096) }
        let collected = try await read([server.url("proper")], many, size: size, configuration)
        #expect(collected.has(RangeSet(many).ranges, of: server.content))
        for request in server.requests {
            let set = request.split(separator: "=")[1].split(separator: ",").map { $0.split(separator: "-") }
            #expect(set.count <= 10)
            #expect(set.reduce(0) { $0 + Int($1[1])! - Int($1[0])! + 1 } <= 4096)
        }
    }

    @Test func theReadersErrorEndsTheReading() async throws {
        struct Full: Error {}
        let server = try HostileServer(size: 300_000)
        let file = try HTTPFetcher(quick { $0.bytesPerRequest = 1000 })
            .file(urls: [server.url("proper")], size: 300_000)
        var pieces = 0
        await #expect(throws: Full.self) {
            try await file.read(ranges: [0..<300_000]) { _ in
                pieces += 1
                if pieces == 3 { throw Full() }
            }
        }
        #expect(pieces == 3 && server.requests.count < 20)
        let task = Task {
            try await file.read(ranges: [0..<300_000]) { _ in try await Task.sleep(for: .seconds(100)) }
        }
        try await Task.sleep(for: .milliseconds(200))
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }

    @Test func aStalledRangeGoesOn() async throws {
        let server = try HostileServer()
        let configuration = quick { $0.idleTime = .milliseconds(500) }
        #expect(
            try await read([server.url("stall-once")], [5..<2000], configuration)
                .has([5..<2000], of: server.content)
        )
        #expect(server.requests.count == 2)
    }

    private func read(
        _ urls: [String],
        _ ranges: [Range<UInt64>],
        _ configuration: HTTPFetcher.Configuration
    ) async throws -> Collected {
        try await read(urls, ranges, size: 3000, configuration)
    }
}
