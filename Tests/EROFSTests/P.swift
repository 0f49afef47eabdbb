/// A module that its engineer is filling.
