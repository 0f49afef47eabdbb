import HostAPI
import NIOHTTP1

extension ConnectionGuard {
    /// Why a request is refused for its head alone; nil if it is not.
    func fault(of head: HTTPRequestHead) -> Refusal? {
        if head.uri.utf8.count > limits.target { return Refusal(.targetTooLong(limits)) }
        let size = head.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        if size > limits.headers { return Refusal(.headersTooLarge(limits)) }
        // What follows a CONNECT is no HTTP for the decoder.
        if case .RAW(let name) = head.method { return Refusal(method: name, target: head.uri) }
        if head.method == .CONNECT { return Refusal(method: "CONNECT", target: head.uri) }
        guard head.uri.utf8.first == UInt8(ascii: "/") else {
            let detail = "the request target must be a path that begins with '/'"
            return Refusal(Problem(status: 400, detail: detail))
        }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limits.body
        {
            return Refusal(.bodyTooLarge(limits))
        }
        return nil
    }

    /// The path and query of a target in absolute form (`http://host/path`), which servers must take (RFC 9112, section
    /// 3.2.2); other targets as they are.
    static func originForm(_ target: String) -> String {
        guard target.utf8.first != UInt8(ascii: "/"), target.lowercased().hasPrefix("http://") else {
            return target
        }
        let rest = target.dropFirst("http://".count).drop { $0 != "/" && $0 != "?" }
        return rest.first == "/" ? String(rest) : "/\(rest)"
    }
}
