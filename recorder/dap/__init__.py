"""The Debug Adapter Protocol, answered from a trace: for VS Code, Neovim, Emacs, Helix, Zed and whoever speaks it."""
