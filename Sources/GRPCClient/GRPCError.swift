/// Why a call failed.
public enum GRPCError: Error, Equatable, CustomStringConvertible {
    /// The server answered with a status other than OK (https://grpc.io/docs/guides/status-codes/).
    case status(code: GRPCStatus, message: String)
    /// The server cannot be reached, ended the call without a status, or the connection was lost during the call.
    case unavailable(socket: String, reason: String)
    /// The call's time is over.
    case timedOut(path: String, limit: Duration)
    /// An answer is longer than allowed.
    case tooLong(path: String, limit: Int)
    /// The answer is no gRPC.
    case protocolFault(path: String, String)
    /// The caller's task was cancelled, or the call was.
    case cancelled(path: String)
    /// The call is over, with success or because we finished it, and takes no more messages.
    case ended(path: String)

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .status(let code, let message): "\(code): \(message)"
        case .unavailable(let socket, let reason):
            "nobody answers on \(socket) (\(reason)); is its service running?"
        case .timedOut(let path, let limit): "\(path) had no answer within \(limit)"
        case .tooLong(let path, let limit):
            "the answer to \(path) is longer than \(limit) bytes"
        case .protocolFault(let path, let fault): "the answer to \(path) is not gRPC: \(fault)"
        case .cancelled(let path): "\(path) was cancelled"
        case .ended(let path): "\(path) is over and takes no more messages"
        }
    }
}
