internal import CSystemd
import Glibc

/// The sockets that the service manager opened for this process (sd_listen_fds(3)).
public enum ActivationSockets {
    /// A socket that was handed over; whoever takes it closes it.
    public struct Socket: Sendable, Equatable {
        /// The file descriptor, closed on exec.
        public let descriptor: Int32
        /// The name that the unit gives it with `FileDescriptorName=`; by default that of the .socket unit.
        public let name: String
    }

    /// Takes the listening Unix stream sockets, once: later calls and child processes see none.
    ///
    /// - Parameter path: where each socket must be bound; nil for anywhere.
    /// - Returns: the sockets; none when the process was not started by a socket unit.
    /// - Throws: `SystemdError.wrongSocket` when something else was handed over.
    public static func takeUnixStreams(boundTo path: String? = nil) throws(SystemdError) -> [Socket] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &names)
        guard count >= 0 else { throw .activation(errno: -count) }
        defer {
            if let names {
                for index in 0..<Int(count) { free(names[index]) }
                free(names)
            }
        }
        var sockets: [Socket] = []
        for index in 0..<Int(count) {
            // SD_LISTEN_FDS_START
            let descriptor = 3 + Int32(index)
            let isRight =
                if let path {
                    sd_is_socket_unix(descriptor, Int32(SOCK_STREAM.rawValue), 1, path, 0)
                } else {
                    sd_is_socket_unix(descriptor, Int32(SOCK_STREAM.rawValue), 1, nil, 0)
                }
            guard isRight > 0 else {
                let place = path.map { " bound to \($0)" } ?? ""
                throw .wrongSocket(
                    descriptor: descriptor,
                    expected: "a listening Unix stream socket\(place)"
                )
            }
            let name = names?[index].map { String(cString: $0) }
            sockets.append(Socket(descriptor: descriptor, name: name ?? "unknown"))
        }
        return sockets
    }
}
