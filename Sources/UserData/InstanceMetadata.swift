internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOHTTP1

/// The instance metadata service of EC2, version 2 (IMDSv2): a token is fetched first and shown with each request.
///
/// No proxy is ever used, no redirect followed, and every wait is bounded.
public struct InstanceMetadata: Sendable {
    /// Where instances find the service (link-local).
    public static let address = "http://169.254.169.254"

    /// How long and how often is tried.
    public struct Patience: Sendable {
        /// The time limit of one request.
        public var request: Duration
        /// The time limit of all together.
        public var total: Duration
        /// The pause after the first failure; it doubles up to `longestPause`.
        public var firstPause: Duration
        /// The longest pause.
        public var longestPause: Duration

        /// Limits; the defaults let a host's network come up, and end before anybody would restart the host by hand.
        public init(
            request: Duration = .seconds(2),
            total: Duration = .seconds(60),
            firstPause: Duration = .milliseconds(200),
            longestPause: Duration = .seconds(5)
        ) {
            self.request = request
            self.total = total
            self.firstPause = firstPause
            self.longestPause = longestPause
        }
    }

    private static let tokenPath = "/latest/api/token"
    private static let tokenLimit = 1024
    /// Seconds that a token is valid; one boot step needs no more.
    private static let tokenLife = 300

    private let base: String
    private let patience: Patience

    /// The service at an address.
    public init(base: String = InstanceMetadata.address, patience: Patience = Patience()) {
        self.base = base
        self.patience = patience
    }

    /// Whether this machine is an EC2 instance, by what its firmware or hypervisor says.
    ///
    /// - Parameter root: the directory that is "/" on a real host.
    public static func isAvailable(root: String = "") -> Bool {
        func identity(_ path: String) -> String {
            let bytes = (try? UserDataFile.read(root + path)) ?? []
            return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self).lowercased()
        }
        let vendor = identity("/sys/class/dmi/id/sys_vendor")
        if vendor == "amazon ec2" { return true }
        // Older instances run on Xen. Elsewhere a UUID may begin with these digits by chance.
        return vendor == "xen"
            && ["/sys/class/dmi/id/product_uuid", "/sys/hypervisor/uuid"].contains {
                identity($0).hasPrefix("ec2")
            }
    }

    /// Gets what is at a path, such as `/latest/user-data`; nil where there is nothing (404).
    ///
    /// - Parameter limit: how many bytes are read.
    /// - Throws: `UserDataError` when the service did not answer within the limits, or refused.
    public func get(_ path: String, limit: Int = UserDataLimits.bytes) async throws(UserDataError) -> [UInt8]?
    {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .nanoseconds(patience.request.nanoseconds)
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result = await retry(client, path, limit: limit)
        try? await client.shutdown()
        return try result.get()
    }

    private func retry(_ client: HTTPClient, _ path: String, limit: Int) async -> Result<
        [UInt8]?, UserDataError
    > {
        let end = ContinuousClock.now + patience.total
        var pause = patience.firstPause
        var tries = 0
        while true {
            tries += 1
            let failure: String
            do throws(Fault) {
                let token = try await token(client)
                return .success(try await content(client, path, token: token, limit: limit))
            } catch {
                switch error {
                case .tooLarge: return .failure(.tooLarge(place: base + path))
                case .final(let reason): return .failure(.unreadable(place: base + path, reason: reason))
                case .passing(let reason): failure = reason
                }
            }
            // Many instances start at once: each waits another time.
            let wait = pause * Double.random(in: 0.5...1)
            guard ContinuousClock.now + wait < end, (try? await Task.sleep(for: wait)) != nil else {
                let reason = "\(failure) (given up after \(tries) tries): see whether the network came up"
                return .failure(.unreadable(place: base + path, reason: reason))
            }
            pause = min(pause * 2, patience.longestPause)
        }
    }

    private func token(_ client: HTTPClient) async throws(Fault) -> String {
        var request = HTTPClientRequest(url: base + Self.tokenPath)
        request.method = .PUT
        request.headers.add(name: "X-aws-ec2-metadata-token-ttl-seconds", value: String(Self.tokenLife))
        let (status, bytes) = try await answer(client, request, limit: Self.tokenLimit)
        guard status == 200 else { throw refusal(status, "PUT \(Self.tokenPath)") }
        let token = String(decoding: bytes, as: UTF8.self)
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .final("what it gave as a token is none")
        }
        return token
    }

    private func content(_ client: HTTPClient, _ path: String, token: String, limit: Int) async throws(Fault)
        -> [UInt8]?
    {
        var request = HTTPClientRequest(url: base + path)
        request.headers.add(name: "X-aws-ec2-metadata-token", value: token)
        let (status, bytes) = try await answer(client, request, limit: limit)
        switch status {
        case 200: return bytes
        case 404: return nil
        // The token may have run out, or belong to another replica of the service: the next try gets a new one.
        case 401: throw .passing("it does not take its own token (status 401)")
        default: throw refusal(status, "GET \(path)")
        }
    }

    private typealias Answer = (status: UInt, bytes: [UInt8])

    /// The whole answer within the time limit of a request; the client's own limit ends with the answer's head.
    private func answer(_ client: HTTPClient, _ request: HTTPClientRequest, limit: Int) async throws(Fault)
        -> Answer
    {
        let patience = patience.request
        let result = await withTaskGroup(of: Result<Answer, Fault>.self) { group in
            group.addTask {
                do throws(Fault) {
                    return .success(try await self.exchange(client, request, limit: limit))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return .failure(.passing("no answer within \(patience)"))
            }
            let first = await group.next() ?? .failure(.passing("cancelled"))
            group.cancelAll()
            return first
        }
        return try result.get()
    }

    private func exchange(_ client: HTTPClient, _ request: HTTPClientRequest, limit: Int) async throws(Fault)
        -> Answer
    {
        do {
            let response = try await client.execute(
                request,
                timeout: .nanoseconds(patience.request.nanoseconds)
            )
            // Nobody reads what comes with a refusal.
            let wanted = response.status == .ok
            let body = wanted ? try await response.body.collect(upTo: limit) : ByteBuffer()
            return (response.status.code, Array(body.readableBytesView))
        } catch is NIOTooManyBytesError {
            throw .tooLarge
        } catch {
            throw .passing("no answer: \(error)")
        }
    }

    private func refusal(_ status: UInt, _ request: String) -> Fault {
        let text = "\(request) was answered with status \(status)"
        return switch status {
        case 408, 429, 500...: .passing(text)
        case 403: .final("\(text): the instance's metadata options switch the service off")
        default: .final(text)
        }
    }

    private enum Fault: Error {
        /// Another try may do better.
        case passing(String)
        case final(String)
        case tooLarge
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
