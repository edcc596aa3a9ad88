"""Previews of the dashboards as pictures: `make previews`."""
