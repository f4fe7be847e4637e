"""Reports as pages: one self-contained HTML file each, made from data alone."""
