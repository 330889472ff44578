"""Makes the vectors of goldseal with libraries that goldseal does not use."""
