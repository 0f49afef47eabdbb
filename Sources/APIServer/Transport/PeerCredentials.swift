import Glibc
import NIOCore
import NIOPosix
import SettingsStore

/// Who is at the other end of a connection, as the kernel noted it when the client connected (SO_PEERCRED, unix(7)).
struct PeerCredentials: Sendable, Equatable {
    var process: Int32
    var user: UInt32
    var group: UInt32

    /// Asks the kernel; nil when it does not know, as for a connection that is gone.
    static func of(_ channel: any Channel) async -> PeerCredentials? {
        // `struct ucred`: pid_t, uid_t, gid_t.
        guard let options = channel as? any SocketOptionProvider else { return nil }
        let future: EventLoopFuture<UnixCredentials> = options.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: SO_PEERCRED)
        )
        guard let found = try? await future.get() else { return nil }
        return PeerCredentials(process: found.process, user: found.user, group: found.group)
    }

    /// The client as the author of a change; the name of its program is what /proc tells now.
    var author: Generation.Author {
        Generation.Author(user: user, group: group, process: process, program: Self.program(process))
    }

    /// Nobody that the kernel knows: no client of a Unix socket.
    static let unknown = PeerCredentials(process: 0, user: .max, group: .max)

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
