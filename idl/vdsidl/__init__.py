# SPDX-License-Identifier: MIT
"""The model of idl/vds.idl and the back ends that read it. Start with parse.parse_file() and model.Model."""
