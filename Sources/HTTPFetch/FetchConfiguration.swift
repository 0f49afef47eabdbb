extension HTTPFetcher {
    /// The ways, limits and patience of fetching.
    ///
    /// Every default is bounded.
    public struct Configuration: Sendable {
        /// The URL of an HTTP proxy (`http://user:password@host:port`, or without `http://`) for http and https; nil
        /// for none.
        public var proxy: String?
        /// Hosts that are reached without the proxy, as in curl's `no_proxy`.
        ///
        /// Names, which stand for those below them too; addresses; networks such as 10.0.0.0/8; "*". A name or an
        /// address may have a port.
        public var noProxy: [String] = []
        /// A PEM file with certificates of authorities that are trusted besides the system's own; nil for none.
        public var authorities: String?
        /// How long making a connection may take, with the name's resolution and TLS.
        public var connectTime: Duration = .seconds(15)
        /// How long the server may send nothing at all, and how long the head of an answer may take, with the connection
        /// that is made for it.
        public var idleTime: Duration = .seconds(30)
        /// How long the server may be waited for in all for one document, with all redirects, besides the time that its
        /// greatest length takes at `usefulRate`.
        public var documentTime: Duration = .seconds(60)
        /// Bytes a second that each request must bring at least, measured over `rateWindow`; 0 for no such limit.
        ///
        /// Time in which nobody reads (a slow disk, the bandwidth limit) does not count.
        public var minimumRate = 512
        /// Bytes a second that all requests for parts of a file together should bring.
        ///
        /// A mirror that brings less is left for another one, and asked again only where the others can't serve.
        public var usefulRate = 16 << 10
        /// The time that a rate is measured over; longer than `idleTime`, so that one pause does not count as slowness.
        public var rateWindow: Duration = .seconds(60)
        /// Bytes a second that all requests together take at most; nil for as many as there come.
        public var bandwidth: Int?
        /// What requests say they come from.
        public var userAgent = "bulkhead"
        /// How many redirects are followed, one after the other.
        public var redirects = 5
        /// The length of the head of an answer, in bytes.
        ///
        /// It is read within limits of the HTTP library first (80 KiB a line, 2 MiB).
        public var headLimit = 65_536
        /// How often a request is tried that fails for a reason that may pass.
        public var tries = 4
        /// The pause after the first failure, at most; it doubles up to `longestPause`, and is shortened at random by
        /// up to half.
        public var firstPause: Duration = .milliseconds(500)
        /// The longest pause.
        public var longestPause: Duration = .seconds(10)
        /// How many requests for parts of a file are under way at once.
        public var parallelRequests = 4
        /// How many ranges one request names at most.
        public var rangesPerRequest = 32
        /// How many bytes one request asks for at most; longer ranges are divided.
        public var bytesPerRequest: UInt64 = 8 << 20

        /// The defaults.
        public init() {}

        /// Refuses numbers that mean nothing.
        func check() throws(FetchError) {
            let times = [connectTime, idleTime, documentTime, rateWindow]
            guard times.allSatisfy({ $0 > .zero && $0 < .seconds(1 << 30) }) else {
                throw .configuration("a time limit of fetching is not positive: give one")
            }
            let counts = [headLimit, tries, parallelRequests, rangesPerRequest, bandwidth ?? 1, usefulRate]
            guard counts.allSatisfy({ $0 > 0 }), bytesPerRequest > 0, redirects >= 0, minimumRate >= 0 else {
                throw .configuration("a limit of fetching is not positive: give one")
            }
            guard !userAgent.isEmpty, userAgent.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
                throw .configuration("the user agent '\(userAgent)' is empty or not printable ASCII")
            }
        }
    }
}
