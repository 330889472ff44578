"""The local AWS of goldseal's tests: moto's server, corrected.

Each service has one file that subclasses moto's classes and an `install()` that
puts the subclasses in moto's place. Nothing of moto is copied or edited.
"""
