import Glibc
import NIOCore
import NIOPosix
import SettingsStore
import Synchronization

/// Who is at the other end of a connection, as the kernel noted it when the client connected (SO_PEERCRED, unix(7)).
struct PeerCredentials: Sendable, Equatable {
    var process: Int32
    var user: UInt32
    var group: UInt32
    /// The name of the program as /proc told it when the client was accepted; empty if the client was gone already.
    var program: String

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

    /// The client as the author of a change.
    var author: Generation.Author {
        Generation.Author(user: user, group: group, process: process, program: program)
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
        guard process > 0, let bytes = BoundedFile.read("/proc/\(process)/comm", limit: 64) else { return "" }
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
