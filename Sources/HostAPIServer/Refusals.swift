import HostAPI
import NIOCore

extension Problem {
    static let bodyOfUpgrade = Problem(status: 400, detail: "a request to upgrade must have no body")

    static func bodyTooLarge(_ limits: ServerLimits) -> Problem {
        Problem(
            status: 413,
            detail: "the body is longer than \(limits.body) bytes: send less at once, in one transaction"
        )
    }

    static func headersTooLarge(_ limits: ServerLimits) -> Problem {
        Problem(status: 431, detail: "the header fields are longer than \(limits.headers) bytes: send fewer")
    }

    static func targetTooLong(_ limits: ServerLimits) -> Problem {
        Problem(
            status: 414,
            detail: "the request target is longer than \(limits.target) bytes: name fewer keys at once"
        )
    }

    static func tooManyBodies(_ limits: ServerLimits) -> Problem {
        Problem(
            status: 503,
            detail:
                "the requests of all clients together are longer than \(limits.bodies) bytes: send it again later"
        )
    }

    static func requestTimeout(_ limits: ServerLimits) -> Problem {
        let seconds = limits.request.nanoseconds / 1_000_000_000
        return Problem(
            status: 408,
            detail: "the request was not complete within \(seconds) seconds: send it again"
        )
    }
}

/// What a request gets that the transport refuses.
struct Refusal {
    var problem: Problem
    /// The value of the header `Allow`, which a 405 must have (RFC 9110, section 15.5.6).
    var allow: String?

    /// The value of the header `Retry-After`, in seconds (RFC 9110, section 10.2.3).
    var retryAfter: Int?

    init(_ problem: Problem) {
        self.problem = problem
        if problem.status == 503 { retryAfter = 1 }
    }

    /// Refuses a request for whose body there is no room now.
    init(noRoom limits: ServerLimits) {
        problem = .tooManyBodies(limits)
        // By then, who keeps the room without need is gone.
        retryAfter = Int((limits.patience + limits.drain).nanoseconds / 1_000_000_000) + 1
    }

    /// Refuses a method that no endpoint has.
    ///
    /// - Parameters:
    ///   - method: the method; nil when it is not known.
    ///   - target: the request target.
    init(method: String?, target: String) {
        let path = String(target.prefix { $0 != "?" })
        guard let method else {
            let all = Set(RouteTable.endpoints.map(\.method)).sorted { $0.rawValue < $1.rawValue }
            problem = Problem(
                status: 405,
                detail: "no endpoint has this method: GET /openapi.json lists them all"
            )
            allow = RouteTable.allowHeader(all)
            return
        }
        switch RouteTable.match(method: method, path: path) {
        case .otherMethods(let methods):
            problem = RouteTable.methodProblem(method, allowed: methods)
            allow = RouteTable.allowHeader(methods)
        case .endpoint, .unknownPath:
            problem = RouteTable.unknownPathProblem(path)
        }
    }
}

/// The first line of a request that is HTTP/1, read only where the decoder gave up.
struct RequestLine {
    let method: String
    let target: String

    /// Reads `method SP target SP HTTP/1.x`; nil for anything else, and for a line that is not complete.
    init?(_ bytes: some Collection<UInt8>) {
        let start = bytes.drop { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        guard let end = start.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = start[..<end].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard line.count == 3, !line[0].isEmpty, line[0].allSatisfy(Self.isTokenCharacter),
            line[2].elementsEqual("HTTP/1.1\r".utf8) || line[2].elementsEqual("HTTP/1.0\r".utf8),
            line[1].first == UInt8(ascii: "/") || line[1].first == UInt8(ascii: "h"),
            line[1].allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return nil }
        method = String(decoding: line[0], as: UTF8.self)
        target = String(decoding: line[1], as: UTF8.self)
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
