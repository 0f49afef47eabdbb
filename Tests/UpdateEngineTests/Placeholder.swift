import Testing
@testable import UpdateEngine
