"""Programs on another device, such as a phone: the clips that go there, and the score of the frames that come back.

api and cli may import it.
"""
