internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension FetchFailure {
    /// What an error of the HTTP library means.
    ///
    /// - Parameter place: where the connection went to: the proxy, or the URL's host.
    init(_ error: any Error, place: FetchURL, url: FetchURL) {
        let destination = "\(place.host) port \(place.port)"
        switch error {
        case let error as NIOConnectionError: self = Self.connection(error, place: destination)
        case let error as NIOSSLError: self = Self.tls(of: error)
        case is NIOSSLExtraError: self = Self.tls(ofText: "\(error)")
        case HTTPParserError.headerOverflow: self = .badAnswer("its head is longer than any server's")
        case HTTPParserError.invalidEOFState: self = .disconnected
        case is HTTPParserError: self = .badAnswer("it is not HTTP (\(error))")
        case let error as IOError: self = Self.io(error.errnoCode, place: destination)
        case let error as ChannelError: self = Self.channel(error, place: destination)
        case let error as HTTPClientError: self = Self.client(error, place: destination, url: url)
        default: self = .badAnswer("\(error)")
        }
    }

    private static func connection(_ error: NIOConnectionError, place: String) -> FetchFailure {
        for single in error.connectionErrors {
            if let io = single.error as? IOError { return self.io(io.errnoCode, place: place) }
            if case ChannelError.connectTimeout? = single.error as? ChannelError {
                return .connectTimeout(place)
            }
        }
        if error.dnsAError != nil || error.dnsAAAAError != nil { return .unknownHost(error.host) }
        return .unreachable(place, reason: "\(error)")
    }

    private static func io(_ code: CInt, place: String) -> FetchFailure {
        switch code {
        case ECONNREFUSED: return .refused(place)
        case ECONNRESET, EPIPE: return .disconnected
        case ETIMEDOUT: return .connectTimeout(place)
        default:
            let text = strerror(code).map { String(cString: $0) } ?? "error \(code)"
            return .unreachable(place, reason: text)
        }
    }

    private static func channel(_ error: ChannelError, place: String) -> FetchFailure {
        switch error {
        case .connectTimeout: .connectTimeout(place)
        case .eof, .ioOnClosedChannel, .inputClosed, .outputClosed, .alreadyClosed: .disconnected
        default: .unreachable(place, reason: "\(error)")
        }
    }

    private static func client(_ error: HTTPClientError, place: String, url: FetchURL) -> FetchFailure {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .deadlineExceeded: .connectTimeout(place)
        case .httpProxyHandshakeTimeout: .connectTimeout("\(url.host) through the proxy \(place)")
        case .tlsHandshakeTimeout: .connectTimeout("\(place) (its TLS handshake did not end)")
        case .proxyAuthenticationRequired: .proxyAuthentication
        case .invalidProxyResponse: .proxyRefused
        case .remoteConnectionClosed, .uncleanShutdown: .disconnected
        case .invalidURL, .emptyHost, .emptyScheme: .invalidURL("the HTTP library does not take it")
        default: .badAnswer(error.shortDescription)
        }
    }

    private static func tls(of error: NIOSSLError) -> FetchFailure {
        switch error {
        case .uncleanShutdown: .disconnected
        case .unableToValidateCertificate, .noCertificateToValidate: .untrusted("it could not be verified")
        default: tls(ofText: "\(error)")
        }
    }

    /// BoringSSL's reasons have no other form than text.
    private static func tls(ofText text: String) -> FetchFailure {
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return .untrusted("verification failed") }
        if text.contains("failedToValidateHostname") || text.contains("HOSTNAME_MISMATCH") {
            return .wrongHost("the certificate's names do not have it")
        }
        if text.contains("EOF during handshake") { return .tls("the server ended the handshake") }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return .tls("the server does not speak TLS at this port")
        }
        return .tls(text)
    }
}
