import HostAPI
import NIOCore
import NIOWebSocket

/// Puts the frames of a client together to messages, by the rules of RFC 6455.
struct WebSocketMessages {
    /// What a frame has completed.
    enum Message {
        /// Nothing: more frames belong to it, or it is only a sign of life.
        case none
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case ping(ByteBuffer)
        case close(ByteBuffer)
        /// It broke the rules: the status and the reason to close with.
        case fault(UInt16, String)
    }

    private let limit: Int
    private var partial: (opcode: WebSocketOpcode, bytes: ByteBuffer)?

    /// - Parameter limit: the longest message, in bytes.
    init(limit: Int) { self.limit = limit }

    /// Takes the next frame.
    mutating func take(_ frame: WebSocketFrame) -> Message {
        guard frame.maskKey != nil else {
            return .fault(ExecProtocol.Close.protocolFault, "frames of clients must be masked")
        }
        guard frame.reservedBits.isEmpty else {
            return .fault(ExecProtocol.Close.protocolFault, "no extension was agreed on")
        }
        let bytes = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary:
            guard partial == nil else {
                return .fault(ExecProtocol.Close.protocolFault, "a message began inside of another")
            }
            guard !frame.fin else { return whole(frame.opcode, bytes) }
            partial = (frame.opcode, bytes)
            return .none
        case .continuation:
            guard case (let opcode, var all)? = partial else {
                return .fault(ExecProtocol.Close.protocolFault, "there is no message to continue")
            }
            // Not held twice, or each fragment would copy all before it.
            partial = nil
            guard all.readableBytes + bytes.readableBytes <= limit else {
                return .fault(ExecProtocol.Close.tooMuch, "messages may have at most \(limit) bytes")
            }
            all.writeImmutableBuffer(bytes)
            guard !frame.fin else { return whole(opcode, all) }
            partial = (opcode, all)
            return .none
        case .ping: return .ping(bytes)
        case .pong: return .none
        case .connectionClose: return .close(bytes)
        default: return .fault(ExecProtocol.Close.protocolFault, "there is no such kind of frame")
        }
    }

    private func whole(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer) -> Message {
        opcode == .text ? .text(bytes) : .binary(bytes)
    }
}
