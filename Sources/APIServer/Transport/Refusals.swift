import HostAPI
import NIOCore

extension Problem {
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

    static func requestTimeout(_ limits: ServerLimits) -> Problem {
        let seconds = limits.request.nanoseconds / 1_000_000_000
        return Problem(
            status: 408,
            detail: "the request was not complete within \(seconds) seconds: send it again"
        )
    }

    static func unknownMethod(_ name: String) -> Problem {
        Problem(
            status: 405,
            detail: "no endpoint has the method '\(name.prefix(40))': GET /openapi.json lists them all"
        )
    }
}
