import Glibc
import NIOCore
import NIOPosix
import SmallFiles
import Synchronization

/// Who is at the other end of a connection, as the kernel noted it when the client connected (SO_PEERCRED, unix(7)).
public struct PeerCredentials: Sendable, Equatable {
    /// The process.
    public var process: Int32
    /// The user.
    public var user: UInt32
    /// The group.
    public var group: UInt32
    /// The name of the program as /proc told it when the client was accepted; empty if the client was gone already.
    public var program: String

    /// Asks the kernel, when the client is accepted: later, one that hung up can't be asked about any more.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        // `struct ucred`: pid_t, uid_t, gid_t.
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(.unknown)
        }
        let future: EventLoopFuture<UnixCredentials> = options.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: SO_PEERCRED)
        )
        return future.map { found in
            PeerCredentials(
                process: found.process,
                user: found.user,
                group: found.group,
                program: Self.program(found.process)
            )
        }
    }

    /// Nobody that the kernel knows: no client of a Unix socket.
    static let unknown = PeerCredentials(process: 0, user: .max, group: .max, program: "")

    /// The credentials of one connection, once the kernel has told them.
    final class Box: Sendable {
        private let credentials = Mutex(PeerCredentials.unknown)
        var value: PeerCredentials { credentials.withLock { $0 } }
        func set(_ found: PeerCredentials) { credentials.withLock { $0 = found } }
    }

    private static func program(_ process: Int32) -> String {
        guard process > 0, let bytes = try? readSmallFile("/proc/\(process)/comm", maximumLength: 64)
        else { return "" }
        // A program chooses its name itself: only what can't confuse a log is kept.
        return String(
            decoding: bytes.filter { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") },
            as: UTF8.self
        )
    }
}

private struct UnixCredentials: Sendable {
    var process: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0
}
