/// The hosts that one repository updates, as a rollout sees them.
///
/// Every host has a seed, a number that it drew once at random. A wave is a range of seeds, so the repository says who
/// comes when without knowing any host.
public enum Fleet {
    /// The number of seeds: a seed is 0 to 2047.
    public static let seedCount = 2048

    /// Whether a number is a seed.
    static func isSeed(_ seed: Int) -> Bool { (0..<seedCount).contains(seed) }
}
