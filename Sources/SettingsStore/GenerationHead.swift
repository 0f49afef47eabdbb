/// A generation without its settings: what a list of generations shows.
public struct GenerationHead: Sendable, Equatable {
    /// Its number; the highest one is in force.
    public var number: UInt64
    /// When it was committed, in seconds since 1970.
    public var time: Int64
    /// The version of the OS that wrote it.
    public var osVersion: String
    /// Who made it, as the kernel and the request told.
    public var author: Generation.Author
    /// Why it exists.
    public var reason: Generation.Reason
    /// Set while it must still be confirmed.
    public var trial: Generation.Trial?
    /// The id of the transaction whose changes these are; empty if none.
    public var transaction: String

    /// What a list shows of a generation.
    public init(_ generation: Generation) {
        number = generation.number
        time = generation.time
        osVersion = generation.osVersion
        author = generation.author
        reason = generation.reason
        trial = generation.trial
        transaction = generation.transaction
    }
}
